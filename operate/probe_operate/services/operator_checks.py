"""Are an operator's services well? Asks those on this machine, and looks at the ages of what they write."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from probe.controls.reaching.http_client import HttpClient, HttpMessage, HttpPolicy
from probe.store.files.atomic import StoreError
from probe.store.files.listing import list_paths
from probe_operate.origins.origin_files import read_origin_status
from probe_operate.services.list_publishing import LIST_NAME
from probe_operate.services.operator_choices import OperatorChoices, OperatorFolder
from probe_operate.services.operator_steps import StepName, read_outcomes

PartName = Literal["web", "helper", "feed", "list", "steps", "inbox", "disk", "issuer", "origins"]
PARTS: tuple[PartName, ...] = get_args(PartName)
ASK_S = 10.0
FRESH_H = 3.0
"""What is made each hour or oftener is late after this."""
LIST_FRESH_DAYS = 14.0
ORIGINS_FRESH_MIN = 5.0
_DAILY: dict[StepName, float] = {"backup": 50.0}
_MIN_FREE_SHARE, _MIN_FREE_BYTES = 0.10, 1 << 30
_EXPECTED: tuple[StepName, ...] = ("collect", "analyse", "site", "health", "list", "backup")
"""Steps that each machine does; the crowd's feed begins with many volunteers, alerts with a place for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCheck:
    """Whether a part is well, and what is wrong."""

    part: PartName
    well: bool
    message: str


def check_parts(choices: OperatorChoices, folder: OperatorFolder, parts: Sequence[PartName], *,
                now: datetime.datetime) -> Iterator[PartCheck]:
    """The checks of these parts, one each."""
    for part in parts:
        why = _find_trouble(part, choices, folder, now)
        yield PartCheck(part=part, well=not why, message=why or "well")


def format_check_metrics(checks: Sequence[PartCheck]) -> str:
    """The same for Prometheus."""
    lines = ["# HELP probe_operator_part_well Whether a part of the operator's services is well.",
             "# TYPE probe_operator_part_well gauge"]
    lines += [f'probe_operator_part_well{{part="{check.part}"}} {int(check.well)}' for check in checks]
    return "\n".join(lines) + "\n"


def _find_trouble(part: PartName, choices: OperatorChoices, folder: OperatorFolder, now: datetime.datetime) -> str:
    match part:
        case "web":
            return _ask(choices.health_port, "/health")
        case "helper":
            return _ask(choices.helper_port, "/")
        case "issuer":
            return _ask(choices.issuer_port, "/keys") if choices.issuer else ""
        case "origins":
            return _explain_origins(folder, now) if choices.knows_origins else ""
        case "feed":
            return _explain_age(folder.public / "feeds" / f"{choices.vantage}.json", now, most_h=FRESH_H)
        case "list":
            return _explain_age(folder.public / "lists" / LIST_NAME, now, most_h=LIST_FRESH_DAYS * 24)
        case "steps":
            return "; ".join(_list_late_steps(folder, now))
        case "inbox":
            return _ask(choices.inbox_port, "/health") or _explain_silence(folder, now)
        case "disk":
            return _explain_full(folder)


def _explain_origins(folder: OperatorFolder, now: datetime.datetime) -> str:
    status = read_origin_status(folder.origins)
    if status is None:
        return "nothing has told from where uploads come yet"
    minutes = (now - status.at).total_seconds() / 60
    if minutes > ORIGINS_FRESH_MIN:
        return f"nothing has told from where uploads come for {minutes:.0f} minutes"
    return f"of {status.lost} uploads nobody wrote from where they came: there were too many" if status.lost else ""


def _ask(port: int, path: str) -> str:
    asked = HttpMessage(url=f"http://127.0.0.1:{port}{path}", headers={"Connection": "close"})
    found = HttpClient().ask(asked, HttpPolicy(max_bytes=1 << 10, timeout_s=ASK_S, redirects=0, reach="named"))
    if not found.status:
        return f"does not answer on port {port} ({found.cause or found.failure})"
    return "" if found.status == 200 else f"answers with status {found.status}"


def _explain_age(path: Path, now: datetime.datetime, *, most_h: float) -> str:
    try:
        hours = (now.timestamp() - path.stat().st_mtime) / 3600
    except OSError:
        return f"{path.name} is not there yet"
    return f"{path.name} is {hours:.0f} hours old" if hours > most_h else ""


def _list_late_steps(folder: OperatorFolder, now: datetime.datetime) -> Iterator[str]:
    found = read_outcomes(folder)
    for step in (*_EXPECTED, *(step for step in found if step not in _EXPECTED)):
        outcome, most_h = found.get(step), _DAILY.get(step, FRESH_H)
        if outcome is None:
            yield f"{step} was never done"
        elif outcome.worked_at is None or (now - outcome.worked_at).total_seconds() > most_h * 3600:
            yield f"{step} has not worked for {most_h:g} hours: {outcome.message or 'it was not called'}"
        elif outcome.message:
            yield f"{step} failed at {outcome.at:%H:%M} UTC: {outcome.message}"


def _explain_silence(folder: OperatorFolder, now: datetime.datetime) -> str:
    try:
        newest = _find_newest(folder.inbox)
    except StoreError as error:
        return str(error)
    if newest is None:
        return "nothing has been uploaded yet"
    hours = (now.timestamp() - newest) / 3600
    return f"nothing has been uploaded for {hours:.0f} hours" if hours > FRESH_H else ""


def _find_newest(inbox: Path) -> float | None:
    """When a volunteer's folder changed last: by times of folders alone, three deep, so that it takes no longer with
    the years."""
    times = []
    for pattern in ("*/archives/date=*", "*/sums/date=*", "*/sealed"):
        newest_days: dict[Path, Path] = {}
        for day in list_paths(inbox, *pattern.split("/")):
            newest_days[day.parent] = max(day, newest_days.get(day.parent, day))
        times += [day.stat().st_mtime for day in newest_days.values()]
    return max(times, default=None)


def _explain_full(folder: OperatorFolder) -> str:
    usage = shutil.disk_usage(folder.state)
    if usage.free < _MIN_FREE_BYTES or usage.free < _MIN_FREE_SHARE * usage.total:
        return f"{usage.free >> 20} MB of {usage.total >> 20} MB are free: uploads will wait at their volunteers"
    return ""
