"""What a run makes of signed control feeds: looks for new ones when it is time, and takes those that are good."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from probe.config.settings import Settings

if TYPE_CHECKING:
    from probe.controls.feeds.feed_board import FeedBoard
    from probe.upkeep.updates.feed_updates import FeedSource

_DOES = "To do: probe update feeds"


def load_feed_board(settings: Settings, now: datetime) -> FeedBoard | None:
    """The feeds for a run, after a look for new ones where it is time. It never fails a run; None: there are none."""
    if not settings.feed:
        return None
    from probe.controls.feeds.feed_document import FeedError
    from probe.core.visible_text import visible
    from probe.upkeep.updates.feed_updates import is_feed_due, list_feed_sources, load_board, read_feed_states

    try:
        due = [source for source in list_feed_sources(settings) if is_feed_due(source, now=now)]
        for line in _look(due, now):
            click.echo(f"There is no new control feed: {visible(line)}. {_DOES}", err=True)
        return load_board(settings, read_feed_states(settings))
    except FeedError as error:
        raise click.ClickException(f"{visible(str(error))}\nPut it right there, or take the table [[feed]] out"
                                   ) from None


def _look(due: list[FeedSource], now: datetime) -> list[str]:
    """Look for them within the time that a run has for it; what went wrong, in words."""
    from time import monotonic

    from probe.config.folders import find_own_state
    from probe.controls.feeds.feed_document import FeedError
    from probe.store.files.atomic import StoreError
    from probe.upkeep.commands.run_lock import LockedError, hold_run_lock
    from probe.upkeep.updates.feed_updates import TIMED_S, refresh_feed

    failed: list[str] = []
    if not due:
        return failed
    ends = monotonic() + TIMED_S
    try:
        with hold_run_lock(find_own_state()):
            for number, source in enumerate(due):
                try:
                    refresh_feed(source, now=now, timeout_s=(ends - monotonic()) / (len(due) - number))
                except (FeedError, StoreError) as error:
                    failed.append(str(error))
    except LockedError:
        pass  # somebody else looks
    except StoreError as error:
        failed.append(str(error))
    return failed
