"""Checks of application stores beside a look of `probe look`: its option, and what it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from probe.store.files.atomic import StoreError
from probe_analysis.look.beside_plugin import BesidePlugin

if TYPE_CHECKING:
    from probe_analysis.look.look_values import LookSubject
    from probe_analysis.plugins.stores.store_listings import StoreListing
    from probe_analysis.plugins.stores.stores_part import StoresPart


class StoresPlugin:
    """Given: folders with the checks of `probe stores`. A bundle holds what they said, not the checks."""

    name = "stores"
    evidence = ""

    def add_option(self, command: Callable[..., Any]) -> Callable[..., Any]:
        """The command, with --stores."""
        return click.option(
            "--stores", self.name, multiple=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="A folder in which `probe stores` keeps its checks; repeat.")(command)

    def check(self, given: tuple[Path, ...], cc: str) -> None:
        """Every folder fits every country."""

    def list_sources(self, given: tuple[Path, ...]) -> list[str]:
        """None: a bundle holds no checks."""
        return []

    def read(self, given: tuple[Path, ...], subject: LookSubject, *, lab: bool, catalogue: str | None) -> StoresPart:
        """The applications of the service in the country's storefront. Raises StoreError."""
        from probe_analysis.plugins.stores.stores_part import StoresPart

        return StoresPart(stores=tuple(one for folder in given for one in _read_stores(folder, subject, lab=lab)),
                          stores_asked=bool(given))

    def find_given(self, files: Sequence[Path], stored: Mapping[str, Any], cc: str) -> tuple[Path, ...]:
        """Nothing: stores were looked up once, and are not asked again."""
        return ()

    def list_differences(self, stored: Mapping[str, Any], anew: Mapping[str, Any]) -> list[str]:
        """None: what stores said is not judged anew."""
        return []


def _read_stores(folder: Path, subject: LookSubject, *, lab: bool) -> list[StoreListing]:
    from probe_analysis.batches.batch_files import read_batches
    from probe_analysis.batches.store_checks import StoreCheck
    from probe_analysis.plugins.stores.store_listings import list_store_listings

    try:
        return list_store_listings(read_batches(folder, StoreCheck), subject.service, subject.cc, lab=lab)
    except ValueError as error:
        raise StoreError(f"{folder}: checks of stores without a proper time: {error}") from error


PLUGIN: BesidePlugin = StoresPlugin()
