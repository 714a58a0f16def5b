"""How a run asks its controls: helpers alone, unless somebody agreed to public networks."""

from __future__ import annotations

import click

from probe.catalogue.types import Catalogue
from probe.config.consent.public_controls import list_public_controls
from probe.config.settings import Settings, SettingsError
from probe.core.visible_text import visible
from probe.session.controls import HelperAsker


def make_run_asker(settings: Settings, catalogue: Catalogue) -> HelperAsker:
    """For one run. Raises ClickException for a token that cannot be read."""
    if not list_public_controls(settings):
        from probe.controls.asking.configured_helpers import ask_configured

        return ask_configured
    from probe.controls.public.run_asker import RunAsker
    from probe.upkeep.updates.globalping_access import read_globalping_token

    try:
        token = read_globalping_token(settings)
    except SettingsError as error:
        raise click.ClickException(visible(str(error))) from None
    return RunAsker(settings, innocent=catalogue.innocent_names[0], token=token)
