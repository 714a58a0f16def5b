"""Keeps a results folder within an age and a size: the oldest runs go first, and what goes is written down."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from probe.core.stamps import format_time
from probe.store.archive.finish_merge import settle_all_folders
from probe.store.archive.own_files import REMOVED_FILE, OwnFile, disk_bytes, is_ours, list_own_files, list_top_files
from probe.store.archive.pending_upload import read_held_runs
from probe.store.files.atomic import StoreError, append_lines, sync_folder, translate_os_errors
from probe.store.runs.merged_days import PREFIX, merged_runs


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLimits:
    """How long and how much to keep; 0: no limit."""

    keep_days: int = 0
    quota_mb: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What a pass removed, and what it could not."""

    runs: tuple[str, ...] = ()
    bytes: int = 0
    held: tuple[str, ...] = ()
    """Runs past their time that stay because they are not uploaded yet."""
    lost: tuple[str, ...] = ()
    """Runs that were removed although they were not uploaded: the quota left no other way."""
    over_bytes: int = 0
    """By how much the folder is still over its quota."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """What goes together: one run's files, or a merged day's."""

    day: str
    name: str
    files: tuple[OwnFile, ...]
    bytes: int

    @property
    def runs(self) -> tuple[str, ...]:
        """Of a merged day read from its manifests: only what may have to go is asked, since there are years of them."""
        return tuple(sorted(_in_merged(self.files))) if self.name == PREFIX else (self.name,)


def enforce_limits(directory: Path, limits: StoreLimits, *, today: date, latest: str = "") -> Removed:
    """Removes what is past the limits; only the holder of the folder's lock may call this.

    The latest run always stays; so does `latest`, the one that was just made, which after a clock was set back has not
    the latest day. Runs that wait to be uploaded outlast their time, and go by the quota only when nothing else is left
    to go. Raises StoreError when nothing can be decided or removed.
    """
    if not limits.keep_days and not limits.quota_mb:
        return Removed()
    settle_all_folders(directory)
    held = read_held_runs(directory)
    units = _units(directory)
    old = _too_old(units, limits.keep_days, today)
    total, quota = sum(unit.bytes for unit in units) + _logs_bytes(directory), limits.quota_mb << 20
    going: list[_Unit] = []
    staying: list[_Unit] = []
    for unit in units[:-1]:
        over = bool(quota) and total > quota
        if not (over or unit.day in old) or not _has_ours(unit) or latest in unit.runs:
            continue
        if held.intersection(unit.runs):
            staying.append(unit)
        else:
            going.append(unit)
            total -= unit.bytes
    lost: list[_Unit] = []
    while quota and total > quota and staying:
        lost.append(staying.pop(0))
        total -= lost[-1].bytes
    removed = Removed(  # told before anything goes, and its manifest with it
        runs=tuple(run for unit in (*going, *lost) for run in unit.runs),
        bytes=sum(unit.bytes for unit in (*going, *lost)),
        held=tuple(run for unit in staying for run in sorted(held.intersection(unit.runs))),
        lost=tuple(run for unit in lost for run in sorted(held.intersection(unit.runs))),
        over_bytes=max(0, total - quota) if quota else 0,
    )
    _remove(directory, [*going, *lost], held)
    return removed


_TO_COME_BYTES = 16 << 10
"""What this pass and the next run may still write into the logs, each line at worst a block of its own."""


def _logs_bytes(directory: Path) -> int:
    """What lies beside the runs and counts as well: the schedule's log grows for years."""
    return sum(disk_bytes(path) for path in list_top_files(directory)) + _TO_COME_BYTES


def _has_ours(unit: _Unit) -> bool:
    return any(is_ours(own.path) for own in unit.files)


def _too_old(units: Sequence[_Unit], keep_days: int, today: date) -> frozenset[str]:
    """The days past their time.

    A clock that jumps ahead would age everything at once. So today counts as no later than the day after the last day
    but one that has results: one wrong day removes nothing much, and a right one only waits for the next.
    """
    days = sorted({unit.day for unit in units if unit.day <= today.isoformat()})
    if not keep_days or len(days) < 2:
        return frozenset()
    believed = min(today, date.fromisoformat(days[-2]) + timedelta(days=1))
    first = (believed - timedelta(days=keep_days - 1)).isoformat()
    return frozenset(day for day in days if day < first)


def _units(directory: Path) -> list[_Unit]:
    """By day, the merged runs of a day before its others; what a run left without its runs file is a unit as well.

    Where a merge was stopped between two tables, a run has files of its own beside rows in merged ones: they go with
    these, or a run would be left without its observations.
    """
    groups: defaultdict[tuple[str, bool, str], list[OwnFile]] = defaultdict(list)
    for own in list_own_files(directory):
        merged = own.stem.startswith(PREFIX)
        groups[own.day, not merged, PREFIX if merged else own.stem].append(own)
    for key in [key for key in groups if key[1] and (key[0], False, PREFIX) in groups]:
        whole = groups[key[0], False, PREFIX]
        if key[2] in _in_merged(whole):
            whole += groups.pop(key)
    return [
        _Unit(day=day, name=name, files=tuple(files), bytes=sum(own.bytes for own in files))
        for (day, _, name), files in sorted(groups.items())
    ]


def _in_merged(files: Sequence[OwnFile]) -> frozenset[str]:
    """The runs in those of the files that are merged ones, by their manifests. Raises StoreError."""
    merged = [own.path for own in files if own.stem.startswith(PREFIX) and own.path.suffix == ".csv"
              and not own.temporary]
    return frozenset(run for path in merged for run in merged_runs(path))


def _remove(directory: Path, units: Sequence[_Unit], held: Set[str]) -> None:
    """Writes down what goes, then removes it: of each unit the runs files first, without which there is no run."""
    if not units:
        return
    lines = _lines(units, held)
    noted = _note(directory, lines)
    folders = set()
    for unit in units:
        for own in sorted(unit.files, key=lambda own: own.table != "runs" or own.parquet):
            if is_ours(own.path):
                with translate_os_errors(own.path):
                    own.path.unlink(missing_ok=True)
            folders.add(own.path.parent)
    for folder in folders:
        _remove_empty(folder)
    if not noted and not _note(directory, lines):
        raise StoreError(f"{directory / REMOVED_FILE}: the disk is full, so what was removed could not be written down")


def _remove_empty(folder: Path) -> None:
    with translate_os_errors(folder):
        sync_folder(folder)
        if not any(folder.iterdir()):
            folder.rmdir()


def _note(directory: Path, lines: str) -> bool:
    """False when there is no room for it, which the removal itself will make."""
    try:
        append_lines(directory / REMOVED_FILE, lines.encode())
    except OSError:
        return False
    return True


def _lines(units: Sequence[_Unit], held: Set[str]) -> str:
    """One line a day that loses runs."""
    now = format_time(datetime.now(UTC))
    days: defaultdict[str, list[_Unit]] = defaultdict(list)
    for unit in units:
        days[unit.day].append(unit)
    return "".join(json.dumps(_note_removed(now, day, gone, held)) + "\n" for day, gone in days.items())


def _note_removed(now: str, day: str, gone: Sequence[_Unit], held: Set[str]) -> dict[str, object]:
    runs = [run for unit in gone for run in unit.runs]
    lost = sorted(held & set(runs))
    more: dict[str, object] = {"not_uploaded": lost} if lost else {}
    return {"time": now, "date": day, "runs": runs, "bytes": sum(unit.bytes for unit in gone), **more}
