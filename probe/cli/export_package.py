"""`probe export --release --format package`: a data set as a folder, ready to be deposited and cited."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from probe.operation.commands.progress_bar import show_progress
from probe.results.archive.run_choice import RunFilter
from probe.results.publication.package_facts import LICENCES, PackageFacts, PackageOrder
from probe.results.publication.release_package import write_release_package

F = TypeVar("F", bound=Callable[..., Any])
_MAX_TEXT = 500


def package_options(command: F) -> F:
    """The options that say what only the publisher knows."""
    for option in reversed((
        click.option("--release-version", metavar="TEXT", help="Version of a package. Default: today, as 2026.11.28."),
        click.option("--licence", type=click.Choice(list(LICENCES)), help="Licence of a package. Default: CC-BY-4.0."),
        click.option("--creator", "creators", multiple=True, metavar="NAME",
                     help="Whom a citation of the package names; repeat. Default: nobody by name."),
        click.option("--note", default="", metavar="TEXT", help="What the package's changelog says of this release."),
        click.option("--revises", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="FOLDER",
                     help="The package before this one; its history is carried on."),
    )):
        command = option(command)
    return command


def make_order(version: str | None, licence: str | None, creators: tuple[str, ...], note: str) -> PackageOrder:
    """What the options say, checked. Raises UsageError."""
    version = version or f"{datetime.now(UTC):%Y.%m.%d}"
    for text in (version, note, *creators):
        if len(text) > _MAX_TEXT or not text.isprintable():
            raise click.UsageError(f"version, note and names are texts of one line, {_MAX_TEXT} characters at most")
    return PackageOrder(version=version, licence=licence or "CC-BY-4.0", creators=creators, note=note)


def export_package(folder: Path, out: Path, choice: RunFilter, order: PackageOrder, revises: Path | None
                   ) -> PackageFacts:
    """Writes the package. Raises StoreError."""
    with show_progress("Reading runs", wanted=True) as progress:
        return write_release_package(folder, out, choice, order, previous=revises, now=datetime.now(UTC),
                                     progress=progress)
