"""Files of OONI's measurements, judged by our rules and written to a results folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from probe.core.progress import Progress, ignore_progress
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import stored_runs
from probe_analysis.bulk.bulk_writer import Bulk
from probe_analysis.collect_seldom import collect_seldom
from probe_analysis.imported.grouping import ENGINE, group_into_runs
from probe_analysis.imported.imported_measurement import ImportedMeasurement
from probe_analysis.imported.measurement_lines import ReadTrouble, TableNote
from probe_analysis.imported.measurement_stream import list_measurement_files, read_measurement_file
from probe_analysis.imported.ooni.decode import NotJudgedError
from probe_analysis.imported.remembered_failures import RememberedFailures
from probe_analysis.imported.weakening import read_defect

ReportFault = Callable[[str, int, str], None]
"""Told of a file, a line and a reason, when the tally counts it already."""
CHUNK = 1000
MAX_ROWS = 40_000
"""So many measurements, or rows, are held at a time: what lies further apart in the files makes no run together."""



@dataclass(slots=True)
class ImportTally:
    """What became of the lines."""

    read: int = 0
    twice: int = 0
    unread: int = 0
    left_out: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    lacking: Counter[tuple[str, ...]] = field(default_factory=Counter)
    """Columns that tables lack -> tables."""
    outcomes: Counter[str] = field(default_factory=Counter)
    tests: Counter[str] = field(default_factory=Counter)
    instrument: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(service, known defect of a version) -> verdicts that were set aside for it."""


def import_files(files: Sequence[str], out: Path, tally: ImportTally, report_fault: ReportFault,
                 progress: Progress = ignore_progress) -> tuple[int, int]:
    """Judge what can be read of files and folders; how many runs were written to `out`, and how many were there.

    Raises StoreError where `out` holds a probe's own results, or nothing can be written.
    """
    _check(out)
    names = list(list_measurement_files(files))
    total = sum(map(_size, names))
    with collect_seldom(), Bulk(out) as bulk:
        held: list[ImportedMeasurement] = []
        memory, rows = RememberedFailures(), 0

        def judge() -> None:
            for result in group_into_runs(held, memory):
                tally.outcomes.update(v.outcome for v in result.verdicts)
                tally.instrument.update((v.service, what) for v in result.verdicts if (what := read_defect(v)))
                bulk.add(result)

        for one in _read(names, tally, report_fault, progress, total):
            held.append(one)
            rows += len(one.observations)
            if len(held) >= CHUNK or rows >= MAX_ROWS:
                judge()
                held, rows = [], 0
        judge()
    return bulk.written, bulk.known


def _check(out: Path) -> None:
    """A folder with a probe's own results is no place for others'."""
    if not (out / "runs").is_dir():
        return
    first = next(stored_runs(out), None)
    if first is not None and first.engine != ENGINE:
        raise StoreError(f"{out}: holds results of a probe; name another folder with --out")


def _read(files: Sequence[str], tally: ImportTally, report_fault: ReportFault, progress: Progress,
          total: int) -> Iterator[ImportedMeasurement]:
    """What can be read, one after the other; what cannot is counted and reported."""
    done = 0
    seen: set[int] = set()
    for name in files:
        for item, at in read_measurement_file(name):
            if isinstance(item, ReadTrouble):
                tally.unread += 1
                report_fault(name, item.line, item.reason)
            elif isinstance(item, TableNote):
                tally.lacking[item.missing] += 1
            elif isinstance(item, NotJudgedError):
                tally.skipped[str(item)] += 1
            elif (identity := hash(item.identity)) in seen:
                tally.twice += 1
            else:
                seen.add(identity)
                tally.read += 1
                tally.left_out += item.left_out
                tally.tests[item.test] += 1
                yield item
            if progress is not ignore_progress and tally.read % 50 == 0:
                progress(done + at, total)
        done += _size(name)


def _size(name: str) -> int:
    return Path(name).stat().st_size if name != "-" and Path(name).is_file() else 0
