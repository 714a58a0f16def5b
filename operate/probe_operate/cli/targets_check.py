"""`probe targets check`: whether a list of targets, and the tables beside it, are in order."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from probe.catalogue.types import CatalogueError
from probe.core.counted_words import count_things
from probe.core.tables.consent_words import LEVELS
from probe.upkeep.commands.command_setup import load_command_settings
from probe.upkeep.commands.target_list import choose_run_catalogue


@click.command("check")
@click.argument("path", metavar="[FILE]", required=False)
def check(path: str | None) -> None:
    """Say what is wrong with FILE, or with the list that a run would use. Exit status 1 when anything is."""
    from probe.config.consent.list_costs import describe_list
    from probe_operate.lists.catalogue_check import check_catalogue

    try:
        catalogue = choose_run_catalogue(load_command_settings(None), path, datetime.now(UTC)).catalogue
        findings = check_catalogue(catalogue)
    except CatalogueError as error:  # also of a table that comes with the program, as one is while a service is added
        raise click.ClickException(f"{error}\nCorrect these lines, then try `probe targets check` again.") from error
    for finding in findings:
        click.echo(finding)
    if findings:
        click.echo(f"{catalogue.path}: {count_things(len(findings), 'finding')}.", err=True)
        raise SystemExit(1)
    click.echo(f"{catalogue.path} is in order: {count_things(len(catalogue.endpoints), 'endpoint')}, version "
               f"{catalogue.version}.")
    for line in describe_list(catalogue, level=max(LEVELS), tier=1):
        click.echo(line)
