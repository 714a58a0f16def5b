"""`probe export`: one file from the results, also one fit to be published."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from probe.config.settings import SettingsError, choose_results_folder, load_settings
from probe.core.counted_words import choose_word, count_things
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError
from probe.store.files.parquet import explain_lacking_pyarrow
from probe.store.layout import BATCH_FOLDERS
from probe.store.schema import TABLES
from probe.store.verification.folder_checks import FolderChecks
from probe.upkeep.commands.output_option import output_option
from probe.upkeep.commands.progress_bar import show_progress
from probe_analysis.commands.left_out_text import describe_left_out
from probe_analysis.exports.run_choice import BY_SERVICE, RunFilter
from probe_analysis.exports.table_export import ExportResult

_DAY = click.DateTime(formats=["%Y-%m-%d"])


class _Export(click.Command):
    """The plain export, and `export ooni`, which has options of its own."""

    def make_context(self, info_name: str | None, args: list[str], parent: click.Context | None = None,
                     **extra: Any) -> click.Context:
        if args[:1] == ["ooni"]:  # a folder of this name is written ./ooni
            from probe_analysis.cli.export_ooni import export_ooni

            return export_ooni.make_context(f"{info_name} ooni", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(cls=_Export)
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option("--since", type=_DAY, help="The first day (UTC).")
@click.option("--until", type=_DAY, help="The last day (UTC).")
@click.option("--service", "services", multiple=True, metavar="NAME", help="Only this service; repeat.")
@click.option("--country", "countries", multiple=True, metavar="CC", help="Only runs from this country; repeat.")
@click.option("--table", type=click.Choice([*TABLES, *BATCH_FOLDERS]), default="verdicts", show_default=True,
              help="Which rows; the store_ tables are those of `probe stores`.")
@click.option("--format", "form", type=click.Choice(["csv", "parquet", "jsonl", "package"]),
              help="Default: as the file's name ends, else csv. A package is a folder, with --release alone.")
@output_option("file", "File to write, or folder of a package. Default: standard output.")
@click.option("--release", is_flag=True, help="Coarser, and without what could lead to a volunteer: see above.")
@click.option("--lab/--no-lab", default=None, help="Runs made in the laboratory, or all others; never both.")
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file.")
@click.option("--release-version", metavar="TEXT", help="Version of a package. Default: today, as 2026.11.28.")
@click.option("--licence", metavar="SPDX_ID",
              help="Licence of a package: CC-BY-4.0 (the default), CC0-1.0 or ODbL-1.0.")
@click.option("--creator", "creators", multiple=True, metavar="NAME",
              help="Whom a citation of the package names; repeat. Default: nobody by name.")
@click.option("--note", default="", metavar="TEXT", help="What the package's changelog says of this release.")
@click.option("--revises", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="FOLDER",
              help="The package before this one; its history is carried on.")
def export(directory: Path | None, since: datetime | None, until: datetime | None, services: tuple[str, ...],
           countries: tuple[str, ...], table: str, form: str | None, out: Path | None, release: bool,
           lab: bool | None, config: str | None, release_version: str | None, licence: str | None,
           creators: tuple[str, ...], note: str, revises: Path | None) -> None:
    """Write one table of the results in DIRECTORY (default: the configured results folder) as one file.

    With --release `probe export` writes only what may be published. A row states its hour and network only if at least
    five probes measured in that network in the 30 days up to this hour. All other rows state only day and country.

    `probe export --release` counts a probe only if the collector had known its name for three days by then.

    With --release, rows are at least a day old, and nothing in them names the installation that measured. Runs get new
    names, which differ in every release.

    A release leaves out the address of the network's own resolver, the routers on the way, and captured packets. It
    also leaves out texts that came from the network, such as the title of a page.

    If your runs used a list of targets of your own, the written file contains its endpoints. Look at the file before
    you publish it.

    With --format package, `probe export` writes a new folder with all released tables, README, licence, codebook,
    provenance, checksums and a changelog. The folder also has descriptions of the data in the formats of Frictionless,
    Croissant, Zenodo and CFF. With --revises you name the package that came before this one.

    \b
    Examples:
      probe export --since 2026-01-01 -o verdicts.csv
      probe export --table observations --service signal --country RU -o signal.parquet
      probe export collected --release -o to-publish.csv
      probe export collected --release --format package -o reachability-2026-11 --creator "A. Name"
      probe export ooni -o measurements.jsonl     in OONI's data format; see probe export ooni --help
    """
    form = form or (out.suffix.removeprefix(".") if out and out.suffix in (".csv", ".parquet", ".jsonl") else "csv")
    if form == "package":
        from probe_analysis.cli.export_package import export_package
    elif release_version or licence or creators or note or revises:
        raise click.UsageError("--release-version, --licence, --creator, --note and --revises are for --format package")
    _check(table, services, form, out, release=release)
    choice = RunFilter(since=since.date() if since else None, until=until.date() if until else None,
                       services=frozenset(services), countries=frozenset(cc.upper() for cc in countries), lab=lab)
    try:
        folder = choose_results_folder(load_settings(config), directory)
        if form == "package" and out:
            done = export_package(folder, out, choice, version=release_version, licence=licence, creators=creators,
                                  note=note, revises=revises)
            _tell_lacking(done.checks, folder, done.held_back)
            return
        done = _export(folder, out, choice, table, form, release)
    except (StoreError, SettingsError) as error:
        raise click.ClickException(visible(str(error))) from error
    amount = f"{count_things(done.rows, 'row')} of {done.runs} {'batches' if table in BATCH_FOLDERS else 'runs'}"
    click.echo(f"{out}: {amount}." if out else f"{amount}.", err=True)
    _tell_lacking(done.checks, folder, done.held_back)
    if not done.rows:
        click.echo("Nothing matches; see `probe targets services` for the names, and try fewer conditions.", err=True)


def _tell_lacking(checks: FolderChecks, folder: Path, held_back: int) -> None:
    for line in describe_left_out(checks, folder):
        click.echo(visible(line), err=True)
    if held_back:
        click.echo(f"{count_things(held_back, 'run')} {choose_word(held_back, 'is', 'are')} held back: what is "
                   f"released must have been over for 24 hours.", err=True)


def _check(table: str, services: tuple[str, ...], form: str, out: Path | None, *, release: bool) -> None:
    if release and table in BATCH_FOLDERS:
        raise click.UsageError(f"{table}: how to publish these rows without telling who asked is not settled; without "
                               "--release they are for yourself")
    if services and table not in (*BY_SERVICE, *BATCH_FOLDERS):
        raise click.UsageError(f"the rows of {table} belong to no service; leave out --service")
    if form == "parquet" and (why := explain_lacking_pyarrow()):
        raise click.ClickException(why)
    if form == "package" and (out is None or not release or table != "verdicts"):
        raise click.UsageError("a package needs --release and a folder, -o FOLDER, and holds all tables: no --table")
    if form == "parquet" and out is None:
        raise click.UsageError("Parquet needs a file: -o FILE")


def _export(folder: Path, out: Path | None, choice: RunFilter, table: str, form: str, release: bool) -> ExportResult:
    if table in BATCH_FOLDERS:
        from probe_analysis.batches.batch_tables import export_batches

        return export_batches(folder, out, choice, table=table, form=form)
    from probe_analysis.exports.table_export import export_table as write

    with show_progress("Reading runs", wanted=out is not None) as progress:
        return write(folder, out, choice, table=table, form=form, release=release, now=datetime.now(UTC),
                     progress=progress)
