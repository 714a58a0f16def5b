"""Writes damaged files of a day anew from what is whole of them in the other form; the damaged ones stay beside.

A run is written anew only where each of its tables is what was signed, in CSV or in Parquet. A merged file is only
where that holds for every run in it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from probe.core.safe_files import open_regular
from probe.store.files.atomic import StoreError, replace_by_writer, replace_file, translate_os_errors
from probe.store.files.csv_files import make_csv
from probe.store.files.listing import is_there, list_paths
from probe.store.files.parquet import available, write_parquet
from probe.store.layout import DAMAGED, PARQUET_FOLDER
from probe.store.runs.merged_days import MANIFEST, is_merged, manifest_text, merged_files, merged_runs
from probe.store.schema import TABLES, Table, columns_at
from probe.store.signing.signature_check import RunCheck
from probe.store.verification.csv_checks import check_csv_day
from probe.store.verification.day_rows import SoundRows, find_sound_rows
from probe.store.verification.parquet_checks import check_parquet_day

_MAX_ASIDE = 1000
_ROUNDS = 2
"""What is wrong with the other tables shows once the row of the run is whole."""


def repair_day(directory: Path, day: str) -> tuple[Path, ...]:
    """Repairs what can be, and returns the files that were written anew; only the holder of the folder's lock may call
    this. Raises StoreError when a file cannot be written."""
    sound = find_sound_rows(directory, day)
    repaired: list[Path] = []
    for _ in range(_ROUNDS):
        bad = [check for check in check_csv_day(directory, day) if not check.usable]
        repaired += _repair_csv(directory, day, bad, sound)
        if available():
            bad = [check for check in check_parquet_day(directory, day) if not check.usable]
            repaired += _repair_parquet(directory, day, bad, sound)
    return tuple(dict.fromkeys(repaired))


def _repair_csv(directory: Path, day: str, bad: Sequence[RunCheck], sound: Mapping[str, SoundRows]) -> list[Path]:
    repaired = []
    for name, table in TABLES.items():  # the runs last, as they are written
        folder = directory / name / f"date={day}"
        here = {check.run_id for check in bad if name in check.tables}
        for run_id in sorted(here & sound.keys()):
            if not _merged_with(folder, run_id) and _repair_file(folder / f"{run_id}.csv", table, [run_id], sound):
                repaired.append(folder / f"{run_id}.csv")
        merged = merged_files(folder)
        for path in merged:
            runs = _listed(path)
            if runs is None and len(merged) == 1:
                runs = _listed_elsewhere(directory, day)
            if runs and (here & {path.stem, *runs}) and _repair_file(path, table, sorted(runs), sound):
                repaired.append(path)
    return repaired


def _repair_file(path: Path, table: Table, runs: Sequence[str], sound: Mapping[str, SoundRows]) -> bool:
    """Whether the file was written anew; it is not where it would not change, or where a run is nowhere whole."""
    if not sound.keys() >= set(runs):
        return False
    versions = {sound[run_id].version for run_id in runs}
    if len(versions) > 1:
        return False
    narrow = replace(table, columns=columns_at(table, versions.pop()))
    rows = [row for run_id in runs for row in sound[run_id].tables[table.name]]
    content = make_csv(narrow, rows)
    changed = _replace(path, content)
    if is_merged(path):
        counts = {run_id: len(sound[run_id].tables[table.name]) for run_id in runs}
        changed = _replace(path.with_suffix(MANIFEST), manifest_text(counts)) or changed
    return changed


def _repair_parquet(directory: Path, day: str, bad: Sequence[RunCheck], sound: Mapping[str, SoundRows]) -> list[Path]:
    repaired = []
    root = directory / PARQUET_FOLDER
    for check in bad:
        runs = _runs_of_parquet(root, day, check.run_id, sound)
        for name in check.tables if runs else ():
            table = TABLES[name]
            path = root / name / f"date={day}" / _name_parquet(root / "runs" / f"date={day}", check.run_id)
            if path in repaired:
                continue
            narrow = replace(table, columns=columns_at(table, sound[runs[0]].version))
            rows = [row for run_id in runs for row in sound[run_id].tables[name]]
            _keep_aside(path)
            replace_by_writer(path, partial(write_parquet, table=narrow, rows=rows))
            repaired.append(path)
    return repaired


def _runs_of_parquet(root: Path, day: str, stem: str, sound: Mapping[str, SoundRows]) -> list[str]:
    """The runs of the Parquet file that a run, or a file's name, stands for; none where one of them is not whole."""
    if stem in sound and is_there(root / "runs" / f"date={day}" / f"{stem}.parquet"):
        return [stem]
    merged = {run_id for path in merged_files(root.parent / "runs" / f"date={day}") for run_id in _listed(path) or ()}
    return sorted(merged) if merged and sound.keys() >= merged else []


def _name_parquet(runs: Path, stem: str) -> str:
    """What the files of a run are called in all tables: by its own name, or by that of the merged day."""
    single = runs / f"{stem}.parquet"
    if is_there(single):
        return single.name
    return next((path.name for path in list_paths(runs, "*.parquet") if is_merged(path)), single.name)


def _merged_with(folder: Path, run_id: str) -> bool:
    """Whether a run of a table stands in a merged file and in none of its own."""
    own = is_there(folder / f"{run_id}.csv")
    return not own and any(run_id in (_listed(path) or ()) or _listed(path) is None for path in merged_files(folder))


def _listed(path: Path) -> set[str] | None:
    """The runs that the list beside a merged file names; None where there is no such list."""
    try:
        return set(merged_runs(path))
    except StoreError:
        return None


def _listed_elsewhere(directory: Path, day: str) -> set[str] | None:
    """The runs of the merged files of another table, where they can be read."""
    for name in TABLES:
        files = merged_files(directory / name / f"date={day}")
        lists = [_listed(path) for path in files]
        if lists and None not in lists:
            return set().union(*(found for found in lists if found))
    return None


def _replace(path: Path, content: bytes) -> bool:
    """Puts a file in the place of a damaged one, which stays beside it; False where nothing changes."""
    with suppress(OSError), open_regular(path) as file:
        if file.read(len(content) + 1) == content:
            return False
    _keep_aside(path)
    replace_file(path, content)
    return True


def _keep_aside(path: Path) -> None:
    """Gives a damaged file a second name, under which it stays."""
    if not is_there(path):
        return
    with translate_os_errors(path):
        for number in range(_MAX_ASIDE):
            aside = path.with_name(f"{path.name}{DAMAGED}{number or ''}")
            try:
                os.link(path, aside)
                return
            except FileExistsError:
                continue
            except OSError:  # a file system without links
                path.rename(aside)
                return
        raise StoreError(f"{path}: there are too many damaged files of this name beside it; remove some")
