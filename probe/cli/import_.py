"""`probe import`: measurements of others, judged by our rules."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.core.progress import Progress, ignore_progress
from probe.operation.commands.output_option import IMPORTED_RESULTS, output_option
from probe.operation.commands.progress_bar import show_progress
from probe.results.files.atomic import StoreError
from probe.results.files.text_cells import visible

if TYPE_CHECKING:
    from probe.interop.imported_measurement import ImportedMeasurement

Amiss = Callable[[str, int, str], None]
"""Told of a file, a line and a reason."""
MAX_SHOWN = 20
MAX_KEPT = 1000
CHUNK = 1000
MAX_ROWS = 40_000
"""So many measurements, or rows, are held at a time: what lies further apart in the files makes no run together."""


@dataclass(slots=True)
class Tally:
    """What became of the lines."""

    read: int = 0
    twice: int = 0
    unread: int = 0
    left_out: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    tests: Counter[str] = field(default_factory=Counter)


@click.group(name="import")
def import_() -> None:
    """Bring measurements of others into a results folder of their own, judged by our rules.

    \b
    Examples:
      probe import ooni 2026080105_IR_webconnectivity.n0.0.jsonl.gz
      probe compare
    """


@import_.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True))
@output_option("folder", "Results folder to write; one of its own, never that of your probe.",
               default=IMPORTED_RESULTS, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON, lines that were not read too.")
def ooni(files: tuple[str, ...], out: Path, as_json: bool) -> None:
    """Judge OONI measurements: JSON, JSON Lines, packed with gzip, zstd or lz4 or not; folders and tar archives of
    such files; `-` is standard input.

    Every operation becomes an observation, the test helper's answers the control, and our rules give the verdict, with
    OONI's own beside it (`theirs`). One failure convicts nobody: measurements of one network count as several attempts
    within a day. What a file cannot say makes a verdict weaker, never wrong. Nothing is measured or fetched.

    A line that cannot be read is told with the reason, and the rest goes on. What is in the folder already stays.

    \b
    Examples:
      probe import ooni measurements.jsonl.gz
      probe import ooni raw/20260801 -o iran
      xzcat old.json.xz | probe import ooni - --json
    """
    tally = Tally()
    troubles: list[dict[str, object]] = []

    def amiss(name: str, line: int, reason: str) -> None:
        tally.unread += 1
        if as_json and len(troubles) < MAX_KEPT:
            troubles.append({"file": name, "line": line, "reason": reason})
        elif not as_json and tally.unread <= MAX_SHOWN:
            click.echo(visible(f"{name}:{line}: {reason}"), err=True)

    try:
        written, known = _import(files, out, tally, amiss, quiet=as_json)
    except StoreError as error:
        raise click.ClickException(visible(str(error))) from error
    if as_json:
        click.echo(json.dumps({
            "out": str(out), "measurements": tally.read, "runs": written, "known_runs": known,
            "verdicts": dict(tally.outcomes), "tests": dict(tally.tests), "not_judged": dict(tally.skipped),
            "not_read": tally.unread, "twice": tally.twice, "operations_left_out": tally.left_out, "problems": troubles,
        }))
    else:
        _tell(tally, out, written, known)
    if not tally.read:
        sys.exit(1)


def _import(files: tuple[str, ...], out: Path, tally: Tally, amiss: Amiss, *, quiet: bool) -> tuple[int, int]:
    from probe.interop.grouping import group_into_runs
    from probe.interop.measurement_stream import list_measurement_files
    from probe.interop.remembered_failures import RememberedFailures
    from probe.results.runs.bulk_writer import Bulk

    _check(out)
    names = list(list_measurement_files(files))
    total = sum(map(_size, names))
    with show_progress("Importing", wanted=not quiet and total > 0) as progress, Bulk(out) as bulk:
        held: list[ImportedMeasurement] = []
        memory, rows = RememberedFailures(), 0

        def judge() -> None:
            for result in group_into_runs(held, memory):
                tally.outcomes.update(v.outcome for v in result.verdicts)
                bulk.add(result)

        for one in _read(names, tally, amiss, progress, total):
            held.append(one)
            rows += len(one.observations)
            if len(held) >= CHUNK or rows >= MAX_ROWS:
                judge()
                held, rows = [], 0
        judge()
    return bulk.written, bulk.known


def _check(out: Path) -> None:
    """A folder with a probe's own results is no place for others'."""
    from probe.interop.grouping import ENGINE
    from probe.results.runs.run_reader import stored_runs

    if not (out / "runs").is_dir():
        return
    first = next(stored_runs(out), None)
    if first is not None and first.engine != ENGINE:
        raise StoreError(f"{out}: holds results of a probe; name another folder with --out")


def _read(files: Sequence[str], tally: Tally, amiss: Amiss, progress: Progress,
          total: int) -> Iterator[ImportedMeasurement]:
    """What can be read, one after the other; what cannot is counted and told."""
    from probe.interop.measurement_lines import ReadTrouble
    from probe.interop.measurement_stream import read_measurement_file
    from probe.interop.ooni.decode import NotJudgedError

    done = 0
    seen: set[int] = set()
    for name in files:
        for item, at in read_measurement_file(name):
            if isinstance(item, ReadTrouble):
                amiss(name, item.line, item.reason)
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


def _tell(tally: Tally, out: Path, written: int, known: int) -> None:
    if tally.unread > MAX_SHOWN:
        click.echo(f"... and {tally.unread - MAX_SHOWN} more; --json names them.", err=True)
    for reason, count in tally.skipped.most_common(MAX_SHOWN):
        click.echo(visible(f"{count} measurements are left out: {reason}"), err=True)
    if tally.twice:
        click.echo(f"{tally.twice} measurements stand there twice and count once.", err=True)
    if tally.left_out:
        click.echo(f"{tally.left_out} operations could not be understood and are left out.", err=True)
    outcomes = ", ".join(f"{n} {word}" for word, n in tally.outcomes.most_common()) or "none"
    there = f", {known} were there already" if known else ""
    click.echo(f"{tally.read} measurements, {written} runs in {out}{there}. Verdicts: {outcomes}.")
    if tally.read:
        click.echo(f"Compare with OONI's own: probe compare {out}")
    else:
        click.echo("Nothing was imported. Are these OONI measurements, one JSON object a line?", err=True)
