"""What a place has got, and when to try again: one small file a place in the results folder, replaced whole.

What waits is not written down: it is what is stored and not in here. So a process that is killed at any moment forgets
at most that it sent some runs, and sends them again under the same names.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from probe.core.json_decoders import decode_json
from probe.core.safe_files import open_regular
from probe.core.translation import say
from probe.store.archive.own_files import UPLOAD_FOLDER
from probe.store.files.atomic import StoreError, replace_file, translate_os_errors
from probe.store.files.listing import is_there
from probe.store.layout import is_run_id
from probe.store.runs.merged_days import is_merged, merged_runs
from probe.store.runs.run_files import run_files

FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=12)
_MAX_BYTES = 64 << 20
_MAX_DOUBLINGS = 20


class UploadState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one place."""

    what: str = "reachability-results: what was uploaded"
    to: str
    """The place, as it is shown."""
    done: dict[str, tuple[str, ...]] = {}
    """Day -> its runs that are there."""
    failures: int = 0
    """In a row."""
    next_try: datetime | None = None
    last_success: datetime | None = None
    last_answer: str = ""
    """What the place said to the last run that it got."""
    last_error: str = ""


def find_state_file(directory: Path, place: str, folder: str = UPLOAD_FOLDER) -> Path:
    """Where the state of a place is kept."""
    return directory / folder / f"{hashlib.sha256(place.encode()).hexdigest()[:12]}.json"


def read_state(directory: Path, place: str, folder: str = UPLOAD_FOLDER) -> UploadState:
    """The state; an empty one where there is none. Raises StoreError for one that is damaged."""
    file = find_state_file(directory, place, folder)
    if not is_there(file):
        return UploadState(to=place)
    with translate_os_errors(file), open_regular(file) as handle:
        text = handle.read(_MAX_BYTES)
    try:
        return decode_json(text, UploadState)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(say("{file}: is damaged ({error}); remove it, and everything is sent once more", file=file,
                             error=error)) from None


def write_state(directory: Path, state: UploadState, folder: str = UPLOAD_FOLDER) -> None:
    """Replace the state as a whole. Raises StoreError."""
    replace_file(find_state_file(directory, state.to, folder), msgspec.json.encode(state))


def list_stored_runs(directory: Path) -> Iterator[tuple[str, str]]:
    """(day, run) of everything that is stored, the oldest first; no run is opened. Raises StoreError."""
    seen = set()
    for path in run_files(directory):
        day = path.parent.name.removeprefix("date=")
        for run_id in sorted(merged_runs(path)) if is_merged(path) else (path.stem,):
            if is_run_id(run_id) and (day, run_id) not in seen:
                seen.add((day, run_id))
                yield day, run_id


def list_waiting_runs(directory: Path, state: UploadState) -> list[tuple[str, str]]:
    """(day, run) of what is stored and not yet at the place, the oldest first. Raises StoreError."""
    done = {(day, run_id) for day, runs in state.done.items() for run_id in runs}
    return sorted(found for found in list_stored_runs(directory) if found not in done)


def note_done(state: UploadState, day: str, run_id: str, *, at: datetime | None, answer: str = "") -> UploadState:
    """The state once a run is there; `at`: when it was sent, None for one that is never to be sent; `answer`: what the
    place said to it."""
    runs = tuple(sorted({*state.done.get(day, ()), run_id}))
    state = msgspec.structs.replace(state, done={**state.done, day: runs})
    if at is None:
        return state
    return msgspec.structs.replace(state, failures=0, next_try=None, last_success=at, last_answer=answer,
                                   last_error="")


def note_failure(state: UploadState, why: str, *, at: datetime, rng: random.Random) -> UploadState:
    """The state after a failure: each pause is about twice the one before, and never the same for all volunteers."""
    doublings = min(state.failures, _MAX_DOUBLINGS)
    pause = min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE) * rng.uniform(0.5, 1.0)
    return msgspec.structs.replace(state, failures=state.failures + 1, next_try=at + pause, last_error=why)


def is_upload_due(state: UploadState, at: datetime) -> bool:
    """Whether it is time to try; a clock that was set back does not make anybody wait longer than the longest pause."""
    return state.next_try is None or at >= state.next_try or state.next_try - at > LONGEST_PAUSE


def prune_state(state: UploadState, directory: Path) -> UploadState:
    """Without runs that are not stored any more, so that the file stays small. Raises StoreError."""
    there: dict[str, set[str]] = {}
    for day, run_id in list_stored_runs(directory):
        there.setdefault(day, set()).add(run_id)
    done = {day: tuple(run for run in runs if run in there[day]) for day, runs in state.done.items() if day in there}
    return msgspec.structs.replace(state, done=done)


def get_now() -> datetime:
    """The time for a state, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
