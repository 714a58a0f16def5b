"""Who belongs to a crowd today: chosen once a day, and kept, so that runs that come late change nothing in between."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec

from probe.config.folders import find_own_state
from probe.core.json_decoders import decode_json
from probe.core.runs import Run
from probe.store.files.atomic import StoreError, replace_file
from probe.store.runs.run_reader import stored_runs
from probe_operate.feeds.crowd_members import MOST, Member, choose_members, first_day_of_history

_MAX_BYTES = 1 << 20


class _KeptMembers(msgspec.Struct, frozen=True, kw_only=True):
    day: date
    source: str
    """Hash of the folder of which they are."""
    members: tuple[Member, ...]


def read_members(collected: Path, *, day: date, secret: bytes, name: str, lab: bool) -> tuple[Member, ...]:
    """This day's members, in their order. `name` is the feed's. Raises StoreError for a folder without such runs."""
    source = hashlib.sha256(str(collected.resolve()).encode()).hexdigest()
    path = find_own_state() / f"crowd-{name}.json"
    kept = _read_kept(path)
    if kept is not None and (kept.day, kept.source) == (day, source) and kept.members:
        return kept.members
    members = choose_members(_list_history(collected, day, lab=lab), day=day, secret=secret)
    replace_file(path, msgspec.json.encode(_KeptMembers(day=day, source=source, members=members)))
    return members


def _list_history(collected: Path, day: date, *, lab: bool) -> Iterator[Run]:
    """The runs of the days before. Laboratory runs and others are never mixed."""
    others = mine = 0
    for run in stored_runs(collected, since=first_day_of_history(day)):
        others += run.vantage.lab is not lab
        if run.vantage.lab is lab:
            mine += 1
            yield run
    if others and not mine:
        where = "outside it" if lab else "in the laboratory"
        raise StoreError(f"{collected}: holds nothing but runs made {where}, which never count here")


def _read_kept(path: Path) -> _KeptMembers | None:
    """What was settled; None where nothing was, or nothing that can be read: it is settled anew then."""
    try:
        with path.open("rb") as file:
            kept = decode_json(file.read(_MAX_BYTES), _KeptMembers)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return kept if len(kept.members) <= MOST else None
