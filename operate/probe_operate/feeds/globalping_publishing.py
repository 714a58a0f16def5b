"""Making a feed of Globalping: whether it may be, what volunteers ask about, and the round itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.catalogue.laboratory_marker import read_marker
from probe.config.consent.public_controls import find_globalping_url
from probe.config.settings import Settings, SettingsError
from probe_operate.feeds.feed_publishing import LearnedFeed, PublishOrder

if TYPE_CHECKING:
    from probe.controls.feeds.feed_document import Feed

DEFAULT_TESTS = 400
"""A round; its free limit with a token is 500 an hour (August 2026)."""
ASKED_DAYS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalpingLearner:
    """Fits `probe_operate.feeds.feed_publishing.Learn`."""

    asked: tuple[Path, ...] = ()
    """Results folders of volunteers, whose failures are looked at first."""
    tests: int = DEFAULT_TESTS

    def __call__(self, order: PublishOrder, before: Feed | None) -> LearnedFeed:
        """One round."""
        from probe.upkeep.updates.globalping_access import read_globalping_token
        from probe_operate.feeds.asked_rows import read_asked_rows
        from probe_operate.feeds.globalping_round import GlobalpingRound, make_globalping_feed
        from probe_operate.feeds.globalping_state import GlobalpingState

        begin_s, lab = time.monotonic(), read_marker().lab
        since = (datetime.now(UTC) - timedelta(days=ASKED_DAYS)).date()
        asked = read_asked_rows(self.asked, {e.input for e in order.catalogue.endpoints}, since=since, lab=lab)
        wanted = GlobalpingRound(
            name=order.name, catalogue=order.catalogue, tier=order.tier, tests=self.tests,
            deadline_s=order.deadline_s, url=find_globalping_url(order.settings),
            token=read_globalping_token(order.settings), asked=asked)
        made = make_globalping_feed(wanted, GlobalpingState(order.name), before=before)
        for word, number in sorted(made.troubles.items()):
            click.echo(f"Globalping: {number} questions or results came to nothing ({word}).", err=True)
        if made.wait_s:
            click.echo(f"Globalping asks for {made.wait_s} s without questions; what is known is kept.", err=True)
        return LearnedFeed(made=made.made, left_out=made.left_out, runtime_s=time.monotonic() - begin_s)


def check_may_be_made(settings: Settings) -> None:
    """Raises SettingsError where Globalping's leave, or a token, is missing. The laboratory needs neither."""
    from probe.upkeep.updates.globalping_access import read_globalping_token
    from probe_operate.feeds.globalping_leave import explain_lacking_leave

    if read_marker().lab:
        return
    if why := explain_lacking_leave(settings, today=datetime.now(UTC).date()):
        raise SettingsError(why)
    if not read_globalping_token(settings):
        raise SettingsError("a feed of Globalping needs a token: public_controls.globalping_token_file in the "
                            "configuration, or PROBE_GLOBALPING_TOKEN in the environment")
