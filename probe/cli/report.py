"""`probe report`: the results of a folder as one page."""

from __future__ import annotations

import json
from pathlib import Path

import click

from probe.cli.progress import bar
from probe.report.page import TITLE, make_report
from probe.store.atomic import StoreError
from probe.store.package import write_package


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), default=Path("results"))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path),
              help="File to write. Default: report.html in the results folder.")
@click.option("--title", default=TITLE, show_default=True, help="Heading of the page.")
@click.option("--datapackage", is_flag=True, help="Also write datapackage.json, which describes the CSV files.")
@click.option("--json", "as_json", is_flag=True, help="Print the paths as JSON.")
def report(directory: Path, out: Path | None, title: str, datapackage: bool, as_json: bool) -> None:
    """Make a page from the results in DIRECTORY (default: results).

    The page is one file. It needs no network and tells nobody that it is read.
    """
    try:
        page = _make(directory, out or directory / "report.html", title)
        package = write_package(directory) if datapackage else None
    except StoreError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps({"report": str(page), "datapackage": str(package) if package else None}))
        return
    click.echo(f"Report: {page}")
    if package:
        click.echo(f"Description of the CSV files: {package}")


def _make(directory: Path, out: Path, title: str) -> Path:
    with bar("Reading runs") as progress:
        return make_report(directory, out, title=title, progress=progress)
