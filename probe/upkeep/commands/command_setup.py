"""The steps with which several commands begin: configuration and catalogue, a time that is set, consent."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.config.settings import Settings, SettingsError, load_settings
from probe.core.stamps import parse_time
from probe.core.translation import say
from probe.core.visible_text import visible
from probe.upkeep.commands.exit_codes import EXIT_NO_CONSENT

if TYPE_CHECKING:
    from probe.upkeep.updates.catalogue_choice import CatalogueChoice


def load_command_settings(config: str | None) -> Settings:
    """The configuration. Raises ClickException."""
    try:
        return load_settings(config)
    except SettingsError as error:
        raise click.ClickException(f"{error}\n" + advise_on_settings(config)) from error


def advise_on_settings(config: str | None) -> str:
    """What to do about a configuration that cannot be read."""
    if config and not os.path.lexists(Path(config).expanduser()):
        return say("To write this file: probe setup --config {file}", file=visible(config))
    return say("Put it right in that file, or write a new one: probe setup")


class BrokenCatalogueError(click.ClickException):
    """The catalogue that the person chose cannot be used."""


def load_command_setup(config: str | None, catalogue: str | None, *, lab: bool) -> tuple[Settings, CatalogueChoice]:
    """Configuration and catalogue, as a run would use them. Raises ClickException."""
    settings = load_command_settings(config)
    return settings, choose_command_catalogue(settings, catalogue, lab=lab)


def choose_command_catalogue(settings: Settings, catalogue: str | None, *, lab: bool) -> CatalogueChoice:
    """The catalogue, as a run would use it. Raises BrokenCatalogueError, and ClickException for a bad key."""
    from probe.catalogue.types import CatalogueError
    from probe.upkeep.commands.target_list import choose_run_catalogue

    try:
        return choose_run_catalogue(settings, catalogue, datetime.now(UTC), lab=lab)
    except CatalogueError as error:
        reasons = "\n".join(map(visible, str(error).splitlines()))
        raise BrokenCatalogueError(f"{reasons}\n" + say(
            "Without --catalogue, and run.catalogue in the configuration, the list that comes along is measured: probe "
            "targets list")) from error


def parse_at(at: str | None, *, lab: bool) -> datetime | None:
    """What --at says is now, in UTC; None without it. Raises UsageError outside the laboratory, or for none."""
    if at is None:
        return None
    if not lab:
        raise click.UsageError("--at writes a time that is not now; that is allowed in the laboratory only")
    try:
        return parse_time(at)
    except ValueError:
        raise click.UsageError(f"--at {at!r} is no time such as 2017-05-04T10:00:00Z") from None


def stop_if_refused(why: str) -> None:
    """Ends the command where consent is missing, and says `why`; empty: nothing is missing."""
    if why:
        click.echo(say("Error: {why}", why=why), err=True)
        sys.exit(EXIT_NO_CONSENT)
