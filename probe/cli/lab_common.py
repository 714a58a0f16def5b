"""What the commands of `probe lab` share: scenarios, the catalogue, and whether this machine can build one."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from probe.catalogue.types import Catalogue
    from probe.lab.scenario import Scenario

LEVELS = ("socket", "packet")


def scenarios(patterns: Sequence[str]) -> tuple[Scenario, ...]:
    """The scenarios that match any of the patterns, all without one, in the order of their numbers."""
    from probe.lab.scenario import names

    found = [n for n in names() if not patterns or any(fnmatch.fnmatchcase(n, pattern) for pattern in patterns)]
    if not found:
        raise click.ClickException(f"no scenario is named like {', '.join(patterns)}; see `probe lab list`")
    return tuple(sorted(map(load_scenario, found), key=_order))


def _order(scenario: Scenario) -> tuple[str, int, str]:
    digits = scenario.number.lstrip("C")
    return scenario.number.removesuffix(digits), int(digits or 0), scenario.name


def load_scenario(name: str) -> Scenario:
    try:
        from probe.lab.scenario import load
        from probe.lab.toml_table import ScenarioError
    except ModuleNotFoundError as error:
        raise missing(error) from error
    try:
        return load(name)
    except ScenarioError as error:
        raise click.ClickException(str(error)) from error


def catalogue() -> Catalogue:
    from probe.catalogue.load import load
    from probe.catalogue.types import CatalogueError

    try:
        return load(search=False)
    except CatalogueError as error:
        raise click.ClickException(str(error)) from error


def check_machine() -> None:
    try:
        from probe.lab.laboratory import unavailable
    except ModuleNotFoundError as error:
        raise missing(error) from error
    reason = unavailable()
    if reason:
        raise click.ClickException(f"no laboratory on this machine: {reason}")


def missing(error: ModuleNotFoundError) -> click.ClickException:
    return click.ClickException(f"the laboratory needs {error.name}; run: pip install 'reachability-probe[lab]'")
