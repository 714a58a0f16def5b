"""Merges the results of many volunteers into one data set: each run once, as its probe signed it.

What a data set holds stays, whatever else comes under the same name: else whoever has read a run's name could strike
the run. Of two versions that come at once, neither is taken.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from probe.core.progress import Progress, ignore_progress
from probe.core.runs import Run
from probe.core.tables.signature_words import SignatureState
from probe.results.archive.own_files import CONFLICTS_FILE
from probe.results.archive.submission_check import RefusedRun, SoundRun, find_results_folders, sift_submission
from probe.results.files.atomic import StoreError, translate_os_errors, write_file
from probe.results.layout import csv_path, packets_path
from probe.results.row_codec import run_row
from probe.results.runs.merged_days import find_merged
from probe.results.runs.run_reader import read_run, stored_runs
from probe.results.runs.run_writer import make_texts, write_run
from probe.results.schema import TABLES
from probe.results.signing.signature_check import check_run, compare_packets

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
    contested: dict[str, set[Path]] = field(default_factory=dict)
    """Run that the data set held already -> the folders that hold another version of it, which was refused."""
    signatures: Counter[SignatureState] = field(default_factory=Counter)
    """Of the runs that were taken, or left out for their signature."""
    schemas: Counter[str] = field(default_factory=Counter)
    refused: list[RefusedRun] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What has to be done by hand."""


def collect_runs(
    sources: Iterable[Path], out: Path, *, lab: bool = False, progress: Progress = ignore_progress,
) -> CollectResult:
    """Takes every sound run of the sources into `out`, a results folder; only the holder of its lock may call this.

    The result is the same in whatever order and however often the sources are given at once. Raises StoreError when
    `out` cannot be read or written.
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
                texts = make_texts(found.result)
                if _is_as_signed(texts, found.result.run, folder, done):
                    _take(found, _digest(texts), folder, out, before, seen, conflicted, done)
        progress(number, len(folders))
    return done


def _is_as_signed(texts: Mapping[str, bytes], run: Run, folder: Path, done: CollectResult) -> bool:
    """Whether what would be written is what was signed, or unsigned; what is not is refused."""
    check = check_run(texts)
    done.signatures[check.state] += 1
    if check.state in ("signed", "unsigned"):
        return True
    done.refused.append(RefusedRun(path=csv_path(folder, "runs", run), reason=f"{check.state}: {check.reason}"))
    return False


def _take(found: SoundRun, digest: str, folder: Path, out: Path, before: set[str],
          seen: dict[str, tuple[str, list[Path]]], conflicted: set[str], done: CollectResult) -> None:
    run = found.result.run
    if run.run_id in before and run.run_id not in seen:
        seen[run.run_id] = _digest(make_texts(read_run(out, run.run_id))), [out]
    if run.run_id not in seen:
        _add_packets(found, out, done)
        write_run(found.result, out, parquet=False, known_new=True)
        seen[run.run_id] = digest, [folder]
        done.taken += 1
        done.schemas[run.schema_version] += 1
    elif seen[run.run_id][0] == digest:
        _add_packets(found, out, done)
        first, *more = seen[run.run_id][1]
        done.present += first == out and not more
        done.duplicates += first != out or bool(more)
        seen[run.run_id][1].append(folder)
    elif run.run_id in before:
        done.contested.setdefault(run.run_id, set()).add(folder)
        if not check_run(make_texts(read_run(out, run.run_id))).usable:
            done.problems.append(f"{out}: run {run.run_id}, which is there, is damaged, and {folder} has another "
                                 "version: see probe verify; remove its files, and collect again")
    else:
        conflicted.add(run.run_id)
        _write_conflicts(out, conflicted)
        done.conflicts[run.run_id] = {*seen[run.run_id][1], folder}
        done.taken -= 1
        done.schemas[run.schema_version] -= 1
        _take_out(out, run, done)


def _add_packets(found: SoundRun, out: Path, done: CollectResult) -> None:
    path, run = packets_path(out, found.result.run), found.result.run
    if found.packets is None or path.exists():
        return
    with translate_os_errors(found.packets):
        content = found.packets.read_bytes()
    if run.signature and (why := compare_packets(run_row(run, TABLES["runs"]), content)):
        done.refused.append(RefusedRun(path=found.packets, reason=why))
    else:
        write_file(path, content)


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


def _digest(texts: Mapping[str, bytes]) -> str:
    """The same for equal values, whatever the files looked like."""
    found = hashlib.sha256()
    for text in texts.values():
        found.update(text)
    return found.hexdigest()


def _read_conflicts(out: Path) -> set[str]:
    path = out / CONFLICTS_FILE
    if not path.exists():
        return set()
    with translate_os_errors(path), path.open("rb") as file:
        return set(file.read(_MAX_LIST_BYTES).decode("utf-8", "replace").split())


def _write_conflicts(out: Path, conflicted: set[str]) -> None:
    write_file(out / CONFLICTS_FILE, "".join(f"{run_id}\n" for run_id in sorted(conflicted)).encode())
