"""`probe report`: the results of a folder, or the cells of a fleet, as one page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from probe.config.settings import SettingsError, choose_results_folder, load_settings
from probe.core.stamps import format_time
from probe.core.translation import say
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError
from probe.upkeep.commands.output_option import output_option
from probe.upkeep.commands.progress_bar import show_progress
from probe_analysis.cells.file_names import holds_cells
from probe_analysis.commands.left_out_text import checks_to_json, describe_left_out
from probe_analysis.events.verdict_series import BlockChange
from probe_analysis.pages.language import LANGUAGES
from probe_analysis.publication.datapackage import write_package
from probe_analysis.report.report_page import MadeReport, make_report


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), required=False)
@output_option("file", "File to write. Default: report.html in DIRECTORY.")
@click.option("--title", default="", help="Heading of the page.")
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the page.")
@click.option("--events", type=click.Path(dir_okay=False, path_type=Path),
              help="Log of events (JSON Lines, as `probe analyse` writes it) to show as well. Default: events.jsonl "
                   "beside cells.parquet, where there are cells.")
@click.option("--figures", type=click.Path(file_okay=False, path_type=Path),
              help="Folder for the charts as SVG files, for papers.")
@click.option("--figures-as", "form", type=click.Choice(["svg", "png"]), default="svg", show_default=True,
              help="png: a PNG beside each SVG, twice as large. Example: --figures DIR --figures-as "
                   "png.")
@click.option("--datapackage", is_flag=True, help="Also write datapackage.json, which describes the CSV files.")
@click.option("--json", "as_json", is_flag=True,
              help="Print the paths, and when targets began and ceased to be blocked, as JSON.")
def report(directory: Path | None, out: Path | None, title: str, lang: str, events: Path | None, figures: Path | None,
           form: str, datapackage: bool, as_json: bool) -> None:
    """Make a page from the results in DIRECTORY (default: the configured folder), or from a folder of `probe analyse`.

    DIRECTORY is a results folder, or a folder that `probe analyse` wrote (with the file cells.parquet).

    From a folder of `probe analyse`, the page shows the results of all volunteers together. If there are too many
    networks for one page, it shows those with the most events, such as the beginning of a block.

    `probe report` writes the page as one file, which stays below 5 MB even for a year of hourly runs. The page loads
    nothing from the network, so nobody can notice that you read it.

    \b
    Examples:
      probe report ~/probe-results
      probe report ~/probe-results --lang ru -o otchet.html
      probe report results --events events.jsonl --figures figures/
      probe report results --figures figures/ --figures-as png
      probe report cells/
    """
    if form == "png" and not figures:
        raise click.UsageError(say("--figures-as png needs --figures DIR"))
    directory = directory or _choose_folder()
    if not directory.is_dir():
        raise click.ClickException(say("{folder}: no such folder; name another, or make results: "
                                       "probe run --fast", folder=visible(str(directory))))
    fleet = holds_cells(directory)
    if fleet and datapackage:
        raise click.UsageError(say("--datapackage describes the CSV files of a results folder; cells.json "
                                   "describes cells"))
    out = out or directory / "report.html"
    made: MadeReport | None = None
    try:
        if fleet:
            from probe_analysis.report.fleet_page import make_fleet_report

            page = make_fleet_report(directory, out, title=title, language=lang, events=events, figures=figures,
                                     png=form == "png")
        else:
            with show_progress("Reading runs") as progress:
                made = make_report(directory, out, title=title, language=lang, events=events, figures=figures,
                                   png=form == "png", progress=progress)
            page = made.page
        package = write_package(directory) if datapackage else None
    except StoreError as error:
        raise click.ClickException(visible(str(error))) from error
    if as_json:
        click.echo(json.dumps({"report": str(page), "figures": str(figures) if figures else None,
                               "datapackage": str(package) if package else None,
                               "changes": [_change(one) for one in made.list_changes()] if made else [],
                               "signatures": checks_to_json(made.checks) if made else None}))
        return
    for line in describe_left_out(made.checks, directory) if made else ():
        click.echo(visible(line))
    click.echo(f"Report: {page}")
    if figures:
        click.echo(f"Figures: {figures} ({'SVG and PNG' if form == 'png' else 'SVG'})")
    if package:
        click.echo(say("Description of the CSV files: {package}", package=package))


def _choose_folder() -> Path:
    try:
        return choose_results_folder(load_settings())
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def _change(found: BlockChange) -> dict[str, Any]:
    """`kind` is onset or end; the change lies between the runs at `earliest` and `latest`."""
    return {
        "target_id": found.target_id, "probe_cc": found.network.probe_cc, "probe_asn": found.network.probe_asn,
        "kind": found.kind, "earliest": format_time(found.earliest), "latest": format_time(found.latest),
        "block_type": found.block_type, "n_before": found.n_before, "n_after": found.n_after,
        "instrument_changed": found.instrument_changed,
    }
