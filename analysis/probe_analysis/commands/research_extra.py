"""Whether the packages of the extra `research` are there, for commands that compute with them."""

from __future__ import annotations

from importlib.util import find_spec

import click

from probe.config.install_advice import advise_extra

_NEEDED = ("ibis", "duckdb", "pandas", "pyarrow")


def check_research_extra(doing: str) -> None:
    """Raises ClickException where a package is missing; `doing` is the first word of what it says."""
    if any(find_spec(name) is None for name in _NEEDED):
        raise click.ClickException(f"{doing} needs the extra `research`: {advise_extra('research')}")
