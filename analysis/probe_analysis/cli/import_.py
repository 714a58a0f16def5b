"""`probe import`: measurements of others, judged by our rules."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.core.counted_words import choose_word, count_things
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError
from probe.upkeep.commands.output_option import IMPORTED_RESULTS, output_option
from probe.upkeep.commands.progress_bar import show_progress

if TYPE_CHECKING:
    from probe_analysis.imported.import_files import ImportTally, ReportFault

MAX_SHOWN = 20
MAX_KEPT = 1000


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
    """Judge OONI's measurements by our rules.

    FILE is JSON or JSON Lines, plain or packed with gzip, zstd or lz4. It may also be a folder or a tar archive of such
    files, or `-` for standard input.

    Each network operation in a file becomes an observation. The answer of OONI's test helper, a server elsewhere,
    becomes the control. Our rules then give a verdict; OONI's own verdict is in the column `theirs`. The command makes
    no measurement and fetches nothing.

    Measurements of a target in one network and hour count as attempts of one run. If all of them failed, the
    command may add failures of the 24 hours before. A single failed attempt is never enough for `blocked`.

    OONI's files lack some facts that our own runs record. Where a rule needs such a fact, its verdict is inconclusive.
    docs/interop.md lists these cases.

    If the command cannot read lines, it goes on. At the end it names each reason with the first line and the number of
    lines. If the folder of --output has runs already, they stay.

    \b
    Examples:
      probe import ooni measurements.jsonl.gz
      probe import ooni raw/20260801 -o iran
      xzcat old.json.xz | probe import ooni - --json
    """
    from probe_analysis.imported.import_files import ImportTally
    from probe_analysis.imported.measurement_lines import describe_fault

    tally, is_read = ImportTally(), False
    troubles: list[dict[str, object]] = []
    alike: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], int] = {}

    def report_fault(name: str, line: int, reason: str) -> None:
        nonlocal is_read
        is_read = is_read or line > 0
        if as_json and len(troubles) < MAX_KEPT:
            troubles.append({"file": name, "line": line, "reason": reason})
        if (name, reason) in alike or len(alike) < MAX_SHOWN:
            alike[name, reason] += 1
            first.setdefault((name, reason), line)

    try:
        written, known = _import(files, out, tally, report_fault, quiet=as_json)
    except StoreError as error:
        raise click.ClickException(visible(str(error))) from error
    if as_json:
        click.echo(json.dumps({
            "out": str(out), "measurements": tally.read, "runs": written, "known_runs": known,
            "verdicts": dict(tally.outcomes), "tests": dict(tally.tests), "not_judged": dict(tally.skipped),
            "missing_columns": [*map(list, tally.lacking)],
            "not_read": tally.unread, "twice": tally.twice, "operations_left_out": tally.left_out, "problems": troubles,
        }))
    else:
        for (name, reason), count in alike.items():
            more = f"; the first of {count:,} alike" if count > 1 else ""
            click.echo(visible(describe_fault(name, first[name, reason], reason)) + more, err=True)
        if unsaid := tally.unread - alike.total():
            click.echo(f"... and {unsaid:,} more; --json names them.", err=True)
        _tell(tally, out, written, known)
        if is_read and not tally.read:
            click.echo("Are these OONI measurements, as JSON Lines, one JSON document or a list?", err=True)
    if not tally.read:
        sys.exit(1)


def _import(files: tuple[str, ...], out: Path, tally: ImportTally, report_fault: ReportFault, *,
            quiet: bool) -> tuple[int, int]:
    from probe_analysis.imported.import_files import import_files

    with show_progress("Importing", wanted=not quiet) as progress:
        return import_files(files, out, tally, report_fault, progress)


def _tell(tally: ImportTally, out: Path, written: int, known: int) -> None:
    for reason, count in tally.skipped.most_common(MAX_SHOWN):
        click.echo(visible(f"{count_things(count, 'measurement')} {choose_word(count, 'is', 'are')} left out: "
                           f"{reason}"), err=True)
    for missing, count in tally.lacking.most_common(MAX_SHOWN):
        click.echo(f"{count_things(count, 'table')} {choose_word(count, 'lacks', 'lack')} columns; what they would "
                   f"say is unknown: {', '.join(missing)}.", err=True)
    if tally.twice:
        click.echo(f"{count_things(tally.twice, 'measurement')} {choose_word(tally.twice, 'stands', 'stand')} there "
                   f"twice and count once.", err=True)
    if tally.left_out:
        click.echo(f"{tally.left_out} operations could not be understood and are left out.", err=True)
    outcomes = ", ".join(f"{n} {word}" for word, n in tally.outcomes.most_common()) or "none"
    there = f", {known} were there already" if known else ""
    click.echo(f"{count_things(tally.read, 'measurement')}, {count_things(written, 'run')} in {out}{there}. "
               f"Verdicts: {outcomes}.")
    if tally.read:
        click.echo(f"Compare with OONI's own: probe compare {out}")
    else:
        click.echo("Nothing was imported.", err=True)
