"""What is known of uploads; gathered without sending anything."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from probe.catalogue.laboratory_marker import read_marker
from probe.config.consent.consent_check import explain_lacking_upload_consent
from probe.config.settings import Settings
from probe.core.safe_files import open_regular
from probe.store.archive.own_files import REMOVED_FILE
from probe.store.files.atomic import StoreError
from probe.upkeep.schedules.schedule_log import get_month_ago
from probe.upkeep.upload.upload_state import UploadState, list_waiting_runs, read_state

OVERDUE = timedelta(days=7)
_MAX_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadFacts:
    """How the uploads to the configured place go."""

    place: str
    not_agreed: str = ""
    """Why nothing is sent; empty where it is."""
    damaged: str = ""
    waiting: int = 0
    there: int = 0
    """Stored runs that the place took."""
    overdue: bool = False
    """Whether runs wait, and none was sent for a week."""
    last_success: datetime | None = None
    last_answer: str = ""
    """What the place said to that run."""
    failures: int = 0
    failure: str = ""
    next_try: datetime | None = None
    lost: int = 0
    """Runs of the last 30 days that the quota took before they were sent."""


def gather_upload_facts(settings: Settings, results: Path, *, now: datetime) -> UploadFacts | None:
    """Read state and folder; what cannot be read is told, never raised."""
    place = settings.upload.place
    if not place:
        return None
    not_agreed = "" if read_marker().lab else explain_lacking_upload_consent(settings)
    lost = _count_lost(results, get_month_ago(now))
    try:
        state = read_state(results, place)
        queue = list_waiting_runs(results, state)
    except (StoreError, OSError) as error:
        return UploadFacts(place=place, not_agreed=not_agreed, damaged=str(error), lost=lost)
    return UploadFacts(
        place=place, not_agreed=not_agreed, waiting=len(queue),
        there=sum(map(len, state.done.values())), last_answer=state.last_answer, overdue=_is_overdue(state, queue, now),
        last_success=state.last_success, failures=state.failures, failure=state.last_error, next_try=state.next_try,
        lost=lost,
    )


def _is_overdue(state: UploadState, queue: list[tuple[str, str]], now: datetime) -> bool:
    """A run that was made an hour ago is not late because there was none for a month before."""
    if not queue:
        return False
    with contextlib.suppress(ValueError):
        oldest = datetime.fromisoformat(queue[0][0]).replace(tzinfo=UTC)
        return now - max(oldest, state.last_success or oldest) > OVERDUE
    return False


def _count_lost(results: Path, since: datetime) -> int:
    runs: set[str] = set()
    try:
        with open_regular(results / REMOVED_FILE) as file:
            lines = file.read(_MAX_BYTES).splitlines()
    except OSError:
        return 0
    for line in lines:
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
            noted = json.loads(line)
            if datetime.fromisoformat(noted["time"]) >= since:
                runs.update(noted.get("not_uploaded", ()))
    return len(runs)
