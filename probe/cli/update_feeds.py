"""`probe update feeds`: fetch the configured control feeds, verify and keep them."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from probe.config.folders import find_own_state
from probe.config.settings import SettingsError, load_settings
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_LOCKED
from probe.upkeep.commands.run_lock import LockedError, hold_run_lock

if TYPE_CHECKING:
    from probe.upkeep.updates.feed_updates import FeedState

_NONE = ("The configuration names no control feed. Put a table [[feed]] with urls and key into it; none is built in, "
         "since there is no official one.")


@click.command("feeds")
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def feeds(config: str | None, as_json: bool) -> None:
    """Fetch the signed control feeds that the configuration names, verify them, and store them. Later runs use them.

    `probe update feeds` refuses a feed that was altered, is signed by another key, or is older than the stored one. It
    then keeps the stored feed. A feed's server sees your address. The exit status is 1 if the command could not get one
    of the feeds.

    \b
    Examples:
      probe update feeds
      probe update feeds --json | jq '.[] | {name, age_s}'
    """
    from probe.controls.feeds.feed_document import FeedError
    from probe.upkeep.updates.feed_updates import list_feed_sources, read_feed_states, refresh_feed

    now, failed = datetime.now(UTC), {}
    try:
        settings = load_settings(config)
        if not settings.feed:
            raise click.UsageError(_NONE)
        with hold_run_lock(find_own_state()):
            for source in list_feed_sources(settings):
                try:
                    refresh_feed(source, now=now)
                except FeedError as error:
                    failed[source.slot] = str(error)
        found = read_feed_states(settings)
    except LockedError:
        click.echo("Another look for new feeds goes on; this one does nothing.", err=True)
        raise SystemExit(EXIT_LOCKED) from None
    except (SettingsError, StoreError, FeedError) as error:
        raise click.ClickException(visible(str(error))) from error
    if as_json:
        click.echo(json.dumps([_as_json(one, failed.get(one.source.slot, ""), now) for one in found]))
    else:
        for one in found:
            _tell(one, failed.get(one.source.slot, ""), now)
    if failed:
        sys.exit(EXIT_FAILED)


def _as_json(one: FeedState, failure: str, now: datetime) -> dict[str, object]:
    feed = one.kept.feed if one.kept else None
    return {
        "name": feed.name if feed else None, "asn": feed.asn if feed else None, "cc": feed.cc if feed else None,
        "made": feed.made.isoformat() if feed else None, "age_s": one.kept.age_s(now) if one.kept else None,
        "entries": len(feed.entries) if feed else 0, "key": one.source.key.name, "urls": list(one.source.urls),
        "failure": failure,
    }


def _tell(one: FeedState, failure: str, now: datetime) -> None:
    from probe.upkeep.updates.feed_updates import describe_feed_state

    click.echo(visible(describe_feed_state(one, now)))
    if failure:
        click.echo(f"  no new one: {visible(failure)}", err=True)
