"""`probe update`: fetch a signed list of targets, verify and keep it; the makers' side of it is looked up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.cli.update_feeds import feeds
from probe.config.folders import find_own_state
from probe.config.settings import Settings, SettingsError, load_settings
from probe.core.plugins import UPDATE_COMMANDS
from probe.core.translation import say
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError
from probe.upkeep.commands.exit_codes import EXIT_LOCKED
from probe.upkeep.commands.plugin_group import PluginGroup
from probe.upkeep.commands.run_lock import LockedError, hold_run_lock
from probe.upkeep.updates.list_document import ListError, UnusableTargetsError, load_listed_catalogue

if TYPE_CHECKING:
    from probe.upkeep.updates.catalogue_choice import CatalogueChoice
    from probe.upkeep.updates.kept_list import SignedList
    from probe.upkeep.updates.minisign import PublicKey

_NO_SOURCE = ("There is no list to look for: name one with --from URL|FILE, or put it into the configuration as "
              "update.url. None is built in, since there is no official list yet.")


class _UpdateGroup(PluginGroup):
    """The commands of volunteers, and those of people who make lists and feeds."""

    brought_by = UPDATE_COMMANDS
    brought = ("keys", "make", "sign")


@click.group(cls=_UpdateGroup, invoke_without_command=True)
@click.option("--from", "source", metavar="URL|FILE", help="Where the list lies, its signature (.minisig) beside it "
              "(default: update.url of the configuration).")
@click.option("--key", "key_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Public key of whoever signs it, as minisign writes it (default: update.key).")
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def update(context: click.Context, source: str | None, key_file: Path | None, config: str | None,
           as_json: bool) -> None:
    """Fetch a signed list of targets, verify it, and store it. Later runs use it.

    The list contains the catalogue of targets, and a policy for each country. For example, a policy can stop all
    measurements in a country, or those of one service.

    A policy can also forbid a country's riskier tests, even if the volunteer agreed to them. It can allow only the most
    important targets, or fewer new connections a minute.

    `probe update` refuses a list that was altered, is older than the last one, or has a date in the future. It then
    keeps the last good list. The list's server sees your address. The holder of the list's key decides which hosts your
    runs contact.

    \b
    Examples:
      probe update                                   (as the configuration says; timed runs do it once a day)
      probe update --from list.json --key list.pub
      probe update make --targets targets.csv --policy policy.toml --serial 17 -o list.json
      probe update feeds                             (signed control feeds; runs do it when it is time)
    """
    if context.invoked_subcommand is not None:
        if source or key_file:
            raise click.UsageError(say("--from and --key belong to `probe update` alone"))
        return
    try:
        settings = load_settings(config)
        if not (source or settings.update.url):
            raise click.UsageError(_NO_SOURCE)
        _update(settings, source or settings.update.url, key_file, as_json)
    except LockedError:
        click.echo(say("Another look for a new list goes on; this one does nothing."), err=True)
        raise SystemExit(EXIT_LOCKED) from None
    except (SettingsError, StoreError) as error:
        raise click.ClickException(visible(str(error))) from error
    except UnusableTargetsError as error:
        raise click.ClickException(
            say("{error}\nWhat the list asks of runs holds. Its targets are for another version of this program: until "
                "one is here that can use them, runs measure the core alone, at level 1.",
                error=visible(str(error)))) from error
    except ListError as error:
        raise click.ClickException(
            say("{error}\nNothing has changed: a list that was kept before stays in use. Try again later. If it stays "
                "so, ask whoever makes the list.", error=visible(str(error)))) from error


def _update(settings: Settings, source: str, key_file: Path | None, as_json: bool) -> None:
    from probe.upkeep.updates.kept_list import read_kept_list
    from probe.upkeep.updates.list_refresh import choose_key, refresh_list

    now = datetime.now(UTC)
    key = choose_key(settings, _key_in(key_file) if key_file else None)
    try:
        before = read_kept_list(key)
    except ListError:
        before = None
    with hold_run_lock(find_own_state()):
        found = refresh_list(source, key, now=now, by_hand=True)
    _tell(settings, source, found, before, as_json=as_json)


def _key_in(file: Path) -> PublicKey:
    from probe.upkeep.updates.minisign import MAX_KEY_CHARACTERS, SignatureError, parse_public_key

    try:
        with file.open(encoding="utf-8", errors="replace") as handle:
            return parse_public_key(handle.read(MAX_KEY_CHARACTERS + 1))
    except SignatureError as error:
        raise ListError(f"{file}: {error}") from None


def _tell(settings: Settings, source: str, found: SignedList, before: SignedList | None, *, as_json: bool) -> None:
    from probe.upkeep.updates.list_growth import describe_growth
    from probe.upkeep.updates.list_limits import choose_limits

    is_new = before is None or before.sha256 != found.sha256
    limits = choose_limits(found.document.policy, settings.vantage.cc)
    catalogue, used = load_listed_catalogue(found.document), _choose(settings)
    stage = found.document.stage
    if as_json:
        click.echo(json.dumps({
            "serial": found.document.serial, "date": found.document.date.isoformat(), "new": is_new,
            "key": found.trust.names, "keys_number": found.trust.number, "comment": found.comment,
            "endpoints": len(catalogue.endpoints),
            "pause": limits.pause, "stop": sorted(limits.stop),
            "max_level": limits.max_level, "max_tier": limits.max_tier,
            "pace_s": limits.pace_s, "staged_percent": stage.percent if stage else 0,
            "catalogue": used.catalogue.version if used else ""}))
        return
    services = len({endpoint.service for endpoint in catalogue.endpoints})
    click.echo(say("New: {name}, endpoints: {endpoints}, services: {services}, from {source}" if is_new else
                   "Nothing new: {name}, endpoints: {endpoints}, services: {services}, from {source}",
                   name=found.document.name, endpoints=len(catalogue.endpoints), services=services,
                   source=visible(source)))
    click.echo("  " + say("signed by the key {names}; its comment: {comment}", names=found.trust.names,
                          comment=visible(found.comment)))
    click.echo("  " + say("asked in {cc}: {what}", cc=settings.vantage.cc,
                          what=visible(limits.words) or say("nothing")))
    for line in describe_growth(before.document if before else None, found.document, settings):
        click.echo(f"  {line}")
    if stage:
        click.echo("  " + say("it tries other targets first, with {percent} of 100 probes", percent=stage.percent))
    if used:
        _tell_use(used)


def _choose(settings: Settings) -> CatalogueChoice | None:
    """What runs would measure now; None, after a message, if it cannot be used."""
    from probe.upkeep.commands.command_setup import BrokenCatalogueError, choose_command_catalogue

    try:
        return choose_command_catalogue(settings, None, lab=False)
    except BrokenCatalogueError as error:
        click.echo(error.message, err=True)
        return None


def _tell_use(used: CatalogueChoice) -> None:
    if used.standing.trouble:
        click.echo("  " + say("but {trouble}: runs measure the core alone, at level 1, until a newer one is here",
                              trouble=visible(used.standing.trouble)))
    if used.catalogue.source != "signed":
        click.echo("  " + say("runs started here take their targets from {path} all the same; what the list asks holds "
                              "for them too", path=used.catalogue.path))


update.add_command(feeds)
