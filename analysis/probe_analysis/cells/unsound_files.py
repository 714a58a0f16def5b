"""Files of results that hold a run which is not what its probe signed: an analysis leaves them out whole.

By file, not by run: else a damaged copy of a run, in a folder of somebody who has read its name, would strike the run
out of other folders.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from probe.store.archive.own_files import OwnFile
from probe.store.files.atomic import StoreError
from probe.store.runs.merged_days import is_merged, merged_runs
from probe.store.verification.folder_checks import CheckMemory, FolderChecks


def find_unsound_files(by_day: Mapping[str, Sequence[OwnFile]]) -> dict[Path, str]:
    """File -> why it is left out; the files are those of the days of any results folders. What cannot be read at all is
    not among them: whoever counts the rows tells it."""
    found: dict[Path, str] = {}
    for files, checks in _check(by_day):
        unsound = {run_id: check.reason for run_id, check in checks.unusable.items() if check.read}
        single = {own.stem for own in files if not is_merged(own.path)}
        for own in files if unsound else ():
            if run_id := _bad_run(own, unsound, single):
                found[own.path] = f"holds run {run_id}: {unsound[run_id]}"
    return found


def check_days(by_day: Mapping[str, Sequence[OwnFile]]) -> FolderChecks:
    """What is to be said of the runs of these days."""
    found = FolderChecks()
    for _, checks in _check(by_day):
        found.add(checks)
    return found


def _check(by_day: Mapping[str, Sequence[OwnFile]]) -> Iterator[tuple[list[OwnFile], FolderChecks]]:
    """The files of each folder, day and form, with what was found of their runs."""
    memories: dict[Path, CheckMemory] = {}
    for day, files in by_day.items():
        groups: dict[tuple[Path, bool], list[OwnFile]] = {}
        for own in files:
            groups.setdefault((own.path.parents[3 if own.parquet else 2], own.parquet), []).append(own)
        for (folder, parquet), group in groups.items():
            memory = memories.get(folder) or memories.setdefault(folder, CheckMemory(folder))
            tables = sorted({own.table for own in group} - {"runs"})
            yield group, memory.check_day(day, parquet=parquet, tables=tables)
    for memory in memories.values():
        memory.save()


def _bad_run(own: OwnFile, unsound: Collection[str], single: Collection[str]) -> str:
    """The first unsound run that a file holds; empty: none."""
    if own.stem in unsound:
        return own.stem
    if not is_merged(own.path):
        return ""
    merged = set(unsound) - set(single)
    if not own.parquet:
        try:
            merged &= set(merged_runs(own.path))
        except StoreError:
            return ""
    return min(merged, default="")
