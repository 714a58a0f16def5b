"""`probe compare`: our verdicts on imported measurements beside those of the engine that made them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.core.counted_words import count_things
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError
from probe.upkeep.commands.output_option import IMPORTED_RESULTS
from probe.upkeep.commands.progress_bar import show_progress

if TYPE_CHECKING:
    from probe.core.verdicts import Verdict
    from probe_analysis.imported.agreement import AgreementCounts, Difference

SHOWN = 10


@click.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path),
                default=IMPORTED_RESULTS, metavar="[DIRECTORY]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: the tables and every difference.")
def compare(directory: Path, as_json: bool) -> None:
    """Show how far our verdicts on imported measurements agree with OONI's own verdicts.

    DIRECTORY contains the imported measurements (default: ooni-results, where `probe import` writes). The command
    prints a table for each of OONI's tests. A row is a verdict of OONI's program, a column is a verdict of ours, and a
    cell is a number of measurements.

    `probe compare` explains each difference between OONI's verdict and ours. It names the rule that gave our verdict,
    and the observations that this rule used. It says which of the two verdicts is probably right, and whether a defect
    of OONI's program is known.

    \b
    Examples:
      probe import ooni measurements.jsonl.gz -o iran
      probe compare iran
      probe compare iran --json | jq '.differences[] | select(.relation == "opposite")'
    """
    from probe_analysis.imported.agreement import RELATIONS, AgreementCounts

    agreement, seen = AgreementCounts(), 0
    shown: dict[str, list[Difference]] = {}
    try:
        for verdict, run_id, day in _read_imported(directory):
            seen += 1
            for found in agreement.add(verdict, run_id=run_id, day=day):
                kept = shown.setdefault(found.relation, [])
                if as_json or len(kept) < SHOWN:
                    kept.append(found)
    except StoreError as error:
        raise click.ClickException(visible(str(error))) from error
    if not seen:
        raise click.ClickException(f"{directory}: no verdict here has another engine's beside it. Import first: "
                                   "probe import ooni FILE")
    if as_json:
        click.echo(json.dumps(_document(agreement, shown)))
        return
    _tables(agreement)
    for relation in RELATIONS:
        _explain(relation, RELATIONS[relation], shown.get(relation, []),
                 sum(n for (_, r), n in agreement.relations.items() if r == relation))


def _read_imported(directory: Path) -> Iterator[tuple[Verdict, str, date]]:
    """Verdicts with another engine's beside them, file by file."""
    from probe.core.verdicts import Verdict
    from probe.store.files.csv_files import read_csv
    from probe.store.row_codec import record_from
    from probe.store.runs.run_files import run_files
    from probe.store.schema import TABLES

    paths = list(run_files(directory, "verdicts"))
    if not paths:
        raise StoreError(f"{directory}: no results here; a results folder has a folder `verdicts` with CSV files")
    with show_progress("Reading verdicts") as progress:
        for done, path in enumerate(paths, start=1):
            for row in read_csv(path, TABLES["verdicts"]):
                if row.get("theirs"):
                    try:
                        day = date.fromisoformat(str(row["measurement_start_time"])[:10])
                        yield record_from(row, Verdict), str(row["run_id"]), day
                    except (ValueError, KeyError) as error:
                        raise StoreError(f"{path}: {error}; restore the file or remove this run") from error
            progress(done, len(paths))


def _document(agreement: AgreementCounts, shown: dict[str, list[Difference]]) -> dict[str, object]:
    from probe_analysis.imported.likely_right import SIDES

    tests = {}
    for test in agreement.tests():
        columns, rows = agreement.matrix(test)
        tests[test] = {"matrix": {word: dict(zip(columns, counts, strict=True)) for word, counts in rows},
                       "relations": {r: n for (t, r), n in sorted(agreement.relations.items()) if t == test},
                       "likely_right": {side: agreement.likely[test, side] for side in SIDES}}
    return {"tests": tests, "differences": [asdict(d) for found in shown.values() for d in found]}


def _tables(agreement: AgreementCounts) -> None:
    from probe_analysis.imported.likely_right import SIDES

    for test in agreement.tests():
        columns, rows = agreement.matrix(test)
        relations = {r: n for (t, r), n in agreement.relations.items() if t == test}
        decided = relations.get("agree", 0) + relations.get("opposite", 0)
        agreeing = relations.get("agree", 0)
        same = f"of {decided} that both decide, {agreeing} agree" if decided else "none is decided by both"
        click.echo(f"{visible(test)}: {count_things(sum(relations.values()), 'measurement')} and targets; {same}")
        width = max(len("theirs"), *(len(word) for word, _ in rows))
        click.echo(f"  {'theirs':<{width}}  " + "  ".join(f"{column:>13}" for column in columns))
        for word, counts in rows:
            click.echo(f"  {visible(word):<{width}}  " + "  ".join(f"{count:>13}" for count in counts))
        if any(agreement.likely[test, side] for side in SIDES):
            sides = ", ".join(f"{side} {agreement.likely[test, side]}" for side in SIDES)
            click.echo(f"  where they differ, likely right: {sides}")
        click.echo()


def _explain(relation: str, meaning: str, found: list[Difference], total: int) -> None:
    if not found:
        return
    click.echo(f"{relation} ({meaning}): {total}")
    for one in found:
        ours = " ".join(filter(None, (one.outcome, one.block_type, one.suspected and f"suspected {one.suspected}")))
        click.echo(visible(f"  {one.input}  {one.source}"))
        click.echo(visible(f"    theirs {one.theirs}, ours {ours} by {one.rule_id or 'no rule'}: {one.why}"))
        click.echo(f"    likely right: {one.likely}, {one.likely_why}")
        if one.defect:
            click.echo(visible(f"    known of this version: {one.defect}"))
        if one.evidence:
            click.echo(visible(f"    evidence: {' '.join(one.evidence[:6])}"
                               + (f" and {len(one.evidence) - 6} more" if len(one.evidence) > 6 else "")))
    if total > len(found):
        click.echo(f"  ... and {total - len(found)} more; --json shows them")
    click.echo()
