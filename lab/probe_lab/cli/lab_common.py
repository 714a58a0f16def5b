"""What the commands of `probe lab` share: scenarios, the catalogue, and whether this machine can build one."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe_lab.lab_errors import INSTALL

if TYPE_CHECKING:
    from probe.catalogue.types import Catalogue
    from probe_lab.format.scenario import Scenario

LEVELS = ("socket", "packet")
FILE = ".toml"
"""What the name of a scenario ends in when it is a file rather than one that comes with the package."""


def scenarios(patterns: Sequence[str]) -> tuple[Scenario, ...]:
    """The scenarios that match any of the patterns, all without one, in the order of their numbers.

    A pattern that ends in `.toml` is a file.
    """
    from probe_lab.format.scenario import list_scenario_names

    files = [pattern for pattern in patterns if pattern.endswith(FILE)]
    globs = [pattern for pattern in patterns if not pattern.endswith(FILE)]
    matching = [name for name in list_scenario_names() if any(fnmatch.fnmatchcase(name, pattern) for pattern in globs)]
    found = [*files, *(matching if patterns else list_scenario_names())]
    if not found:
        raise click.ClickException(f"no scenario is named like {', '.join(patterns)}; see `probe lab list`")
    return tuple(sorted(map(load_scenario, found), key=lambda scenario: scenario.order))


def load_scenario(name: str) -> Scenario:
    """The packaged scenario of this name, or the one in a file whose name ends in `.toml`."""
    try:
        from probe_lab.format.scenario import load_scenario, read_scenario
        from probe_lab.format.toml_table import ScenarioError
    except ModuleNotFoundError as error:
        raise missing(error) from error
    try:
        return read_scenario(Path(name)) if name.endswith(FILE) else load_scenario(name)
    except ScenarioError as error:
        raise click.ClickException(str(error)) from error


def catalogue() -> Catalogue:
    from probe.catalogue.load import load_catalogue
    from probe.catalogue.types import CatalogueError

    try:
        return load_catalogue(search=False)
    except CatalogueError as error:
        raise click.ClickException(str(error)) from error


def check_machine() -> None:
    try:
        from probe_lab.laboratory import explain_unavailable
    except ModuleNotFoundError as error:
        raise missing(error) from error
    reason = explain_unavailable()
    if reason:
        raise click.ClickException(f"no laboratory on this machine: {reason}")


def missing(error: ModuleNotFoundError) -> click.ClickException:
    return click.ClickException(f"the laboratory needs {error.name}; in a checkout of the project run: {INSTALL}")
