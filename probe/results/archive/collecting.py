"""Merges the results of many volunteers into one data set: each run once, and none of which there are two versions."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from probe.core.progress import Progress, ignore_progress
from probe.core.runs import Run, RunResult
from probe.results.archive.own_files import CONFLICTS_FILE
from probe.results.archive.submission_check import RefusedRun, SoundRun, find_results_folders, sift_submission
from probe.results.files.atomic import StoreError, translate_os_errors, write_file
from probe.results.files.csv_files import write_csv
from probe.results.layout import csv_path, packets_path
from probe.results.row_codec import rows_of
from probe.results.runs.merged_days import find_merged
from probe.results.runs.run_reader import read_run, stored_runs
from probe.results.runs.run_writer import write_run
from probe.results.schema import TABLES

_MAX_LIST_BYTES = 64 << 20


@dataclass(slots=True, kw_only=True)
class CollectResult:
    """What was taken and what was not; filled run by run."""

    folders: int = 0
    taken: int = 0
    present: int = 0
    """Runs that the data set held already, unchanged."""
    duplicates: int = 0
    """Runs that came twice, alike."""
    lab: int = 0
    """Runs that are on the other side: made in the laboratory, or not."""
    conflicts: dict[str, set[Path]] = field(default_factory=dict)
    """Run -> the folders that hold different versions of it; none is in the data set."""
    schemas: Counter[str] = field(default_factory=Counter)
    refused: list[RefusedRun] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What has to be done by hand."""


def collect_runs(
    sources: Iterable[Path], out: Path, *, lab: bool = False, progress: Progress = ignore_progress,
) -> CollectResult:
    """Takes every sound run of the sources into `out`, a results folder; only the holder of its lock may call this.

    The result is the same in whatever order and however often the sources are given. Raises StoreError when `out`
    cannot be read or written.
    """
    done = CollectResult()
    conflicted = _read_conflicts(out)
    before = {run.run_id for run in stored_runs(out)} if any(out.glob("runs/date=*/*.csv")) else set()
    for run_id in sorted(conflicted & before):  # an earlier call was stopped before it did so
        _take_out(out, read_run(out, run_id).run, done)
    seen: dict[str, tuple[str, list[Path]]] = {}
    folders = [folder for source in sources for folder in find_results_folders(source)]
    for number, folder in enumerate(folders, start=1):
        done.folders += 1
        for found in sift_submission(folder):
            if isinstance(found, RefusedRun):
                done.refused.append(found)
            elif found.result.run.vantage.lab is not lab:
                done.lab += 1
            elif found.result.run.run_id in conflicted:
                done.conflicts.setdefault(found.result.run.run_id, set()).add(folder)
            else:
                _take(found, folder, out, before, seen, conflicted, done)
        progress(number, len(folders))
    return done


def _take(found: SoundRun, folder: Path, out: Path, before: set[str], seen: dict[str, tuple[str, list[Path]]],
          conflicted: set[str], done: CollectResult) -> None:
    run = found.result.run
    digest = _digest(found.result)
    if run.run_id in before and run.run_id not in seen:
        seen[run.run_id] = _digest(read_run(out, run.run_id)), [out]
    if run.run_id not in seen:
        _add_packets(found, out)
        write_run(found.result, out, parquet=False, known_new=True)
        seen[run.run_id] = digest, [folder]
        done.taken += 1
        done.schemas[run.schema_version] += 1
    elif seen[run.run_id][0] == digest:
        _add_packets(found, out)
        first, *more = seen[run.run_id][1]
        done.present += first == out and not more
        done.duplicates += first != out or bool(more)
        seen[run.run_id][1].append(folder)
    else:
        conflicted.add(run.run_id)
        _write_conflicts(out, conflicted)
        done.conflicts[run.run_id] = {*seen[run.run_id][1], folder}
        if run.run_id not in before:
            done.taken -= 1
            done.schemas[run.schema_version] -= 1
        _take_out(out, run, done)


def _add_packets(found: SoundRun, out: Path) -> None:
    path = packets_path(out, found.result.run)
    if found.packets is not None and not path.exists():
        with translate_os_errors(found.packets):
            write_file(path, found.packets.read_bytes())


def _take_out(out: Path, run: Run, done: CollectResult) -> None:
    """Removes a run from the data set, its runs file first: from then on it is not there."""
    if find_merged(out, run.run_id):
        done.problems.append(f"{out}: run {run.run_id} is in a merged day and cannot be taken out; collect anew into "
                             "an empty folder")
        return
    with suppress(StoreError):
        run = read_run(out, run.run_id).run  # its day may be another
    paths = [csv_path(out, table, run) for table in reversed(list(TABLES))]
    for path in (*paths, packets_path(out, run)):
        with translate_os_errors(path):
            path.unlink(missing_ok=True)


def _digest(result: RunResult) -> str:
    """The same for equal values, whatever the files looked like."""
    found = hashlib.sha256()
    for table in TABLES.values():
        text = io.BytesIO()
        write_csv(text, table, rows_of(result, table))
        found.update(text.getvalue())
    return found.hexdigest()


def _read_conflicts(out: Path) -> set[str]:
    path = out / CONFLICTS_FILE
    if not path.exists():
        return set()
    with translate_os_errors(path), path.open("rb") as file:
        return set(file.read(_MAX_LIST_BYTES).decode("utf-8", "replace").split())


def _write_conflicts(out: Path, conflicted: set[str]) -> None:
    write_file(out / CONFLICTS_FILE, "".join(f"{run_id}\n" for run_id in sorted(conflicted)).encode())
