"""`probe labels`: how well stored probabilities foretold what others stated."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.config.settings import SettingsError, choose_results_folder, load_settings
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError
from probe_analysis.labels.label_table import MAX_BYTES, LabelError, read_labels

if TYPE_CHECKING:
    from probe_analysis.labels.label_cells import OddsCell
    from probe_analysis.labels.label_score import LabelScore
    from probe_analysis.labels.label_table import Label

SHOWN = 10


@click.command()
@click.argument("given", metavar="[RESULTS]", required=False,
                type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--stated", required=True, metavar="FILE",
              type=click.Path(exists=True, dir_okay=False, path_type=Path), help="CSV file of what others stated.")
@click.option("--lab", is_flag=True, help="Score rows of the laboratory, and no others.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def labels(given: Path | None, stated: Path, lab: bool, as_json: bool) -> None:
    """Score the probabilities in RESULTS by what others stated: legal orders, operators' statements, outages.

    RESULTS is a results folder (default: the configured one). The file of --stated is a CSV file with the columns
    first_day, last_day, country, asn, service, cause, kind and source. `cause` is blocked, service, network or ok;
    `kind` is legal_order, operator, outage or other; an empty `asn` means every network of the country. The
    probabilities never use this file, so it can check them.

    \b
    Example of such a file:
      first_day,last_day,country,asn,service,cause,kind,source
      2026-03-01,2026-03-09,RU,,signal,blocked,legal_order,https://example.org/order-17
      2026-03-04,2026-03-04,DE,AS64500,signal,network,outage,https://example.org/cable
    """
    from probe_analysis.labels.label_cells import label_cells, read_odds_cells
    from probe_analysis.labels.label_score import score_labels
    from probe_analysis.open_results import open_results

    try:
        with stated.open("rb") as file:
            statements = read_labels(file.read(MAX_BYTES + 1))
    except LabelError as error:
        raise click.ClickException(visible(f"{stated}: {error}")) from error
    try:
        folder = choose_results_folder(load_settings(), given)
        cells = read_odds_cells(open_results(folder, lab=lab).table("verdicts"), lab=lab)
    except (StoreError, SettingsError) as error:
        raise click.ClickException(visible(str(error))) from error
    labelled, disputed = label_cells(cells, statements)
    scores = score_labels(labelled)
    if as_json:
        click.echo(json.dumps({"scores": [asdict(score) for score in scores], "cells": len(cells),
                               "disputed": len(disputed)}))
        return
    for line in (*_list_scores(scores, cells), *_list_disputed(disputed)):
        click.echo(visible(line))


def _list_scores(scores: Sequence[LabelScore], cells: Sequence[OddsCell]) -> Iterator[str]:
    if not scores:
        yield (f"No statement is about a row with probabilities: there are {len(cells)} days of a service in a network."
               + ("" if cells else " Rows from before these columns get them by: probe classify"))
        return
    yield "A cell is one service in one network on one day. Foretold: mean probability of what was stated."
    yield f"{'kind':<12}{'labels':>8}{'cells':>8}{'foretold':>10}{'log score':>11}{'Brier':>8}"
    for one in scores:
        yield (f"{one.kind or 'all':<12}{one.labels:>8}{one.cells:>8}{one.foretold:>10.2f}{one.log_score:>11.2f}"
               f"{one.brier:>8.3f}")
    yield ""
    yield "p_blocked beside the share stated to be blocked:"
    for part in scores[0].diagram:
        yield f"  said {part.said:.2f}  stated {part.true:.2f}  in {part.cells} cells"


def _list_disputed(disputed: Sequence[tuple[OddsCell, tuple[Label, ...]]]) -> Iterator[str]:
    if disputed:
        yield f"Left out, because statements contradict each other: {len(disputed)} cells."
    for cell, about in disputed[:SHOWN]:
        lines = ", ".join(f"line {label.line} {label.cause}" for label in about)
        yield f"  {cell.day} {cell.country} AS{cell.asn} {cell.service}: {lines}"
