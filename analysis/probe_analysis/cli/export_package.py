"""`probe export --release --format package`: a data set as a folder, ready to be deposited and cited."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from probe.core.counted_words import count_things
from probe.core.visible_text import visible
from probe.upkeep.commands.progress_bar import show_progress
from probe_analysis.exports.run_choice import RunFilter
from probe_analysis.exports.table_export import ExportResult
from probe_analysis.publication.package_facts import LICENCES, PackageOrder
from probe_analysis.publication.release_package import write_release_package

_MAX_TEXT = 500


def export_package(folder: Path, out: Path, choice: RunFilter, *, version: str | None, licence: str | None,
                   creators: tuple[str, ...], note: str, revises: Path | None) -> ExportResult:
    """Writes the package and says what is in it. Raises UsageError, StoreError."""
    order = _make_order(version, licence, creators, note)
    with show_progress("Reading runs", wanted=True) as progress:
        facts = write_release_package(folder, out, choice, order, previous=revises, now=datetime.now(UTC),
                                      progress=progress)
    rows = ", ".join(f"{count.rows} of {name}" for name, count in facts.tables.items())
    click.echo(f"{out}: version {visible(order.version)}, {count_things(facts.runs, 'run')}; rows: {rows}.", err=True)
    return ExportResult(runs=facts.runs, held_back=facts.held_back, checks=facts.checks,
                        rows=sum(count.rows for count in facts.tables.values()))


def _make_order(version: str | None, licence: str | None, creators: tuple[str, ...], note: str) -> PackageOrder:
    """What the options say, checked. Raises UsageError."""
    version = version or f"{datetime.now(UTC):%Y.%m.%d}"
    licence = licence or PackageOrder(version=version).licence
    if licence not in LICENCES:
        raise click.UsageError(f"{licence!r} is no licence of a package; there are {', '.join(LICENCES)}")
    for text in (version, note, *creators):
        if len(text) > _MAX_TEXT or not text.isprintable():
            raise click.UsageError(f"version, note and names are texts of one line, {_MAX_TEXT} characters at most")
    return PackageOrder(version=version, licence=licence, creators=creators, note=note)
