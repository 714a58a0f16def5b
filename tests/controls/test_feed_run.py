"""What a run makes of the feeds on its board: no flow, no wait, and an age that is told by the right clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from feeds_made import MADE, feed
from observations import endpoint
from probe.config.geo.whereabouts import Whereabouts
from probe.config.settings import Settings, VantageSettings
from probe.controls.feeds.feed_board import FeedBoard
from probe.core.runs import Vantage
from probe.instruments.clock import Clock, start_clock
from probe.session.make_run import _make_asker
from probe.session.observation_log import ObservationLog


def asker(clock: Clock, offsets: list[float | None],
          failed_before: Callable[[Vantage], Mapping[str, datetime]] = lambda _: {}) -> Any:
    """How a run asks whose device has this clock, and whose ladder says these offsets one after the other."""
    run: Any = SimpleNamespace(
        settings=Settings(vantage=VantageSettings(cc="RU")), clock=clock, board=FeedBoard(feeds=(feed(),)),
        ladder=lambda _: SimpleNamespace(clock_offset_s=offsets.pop(0)), context=SimpleNamespace(ours=()),
        whereabouts=Whereabouts(None), watch=SimpleNamespace(has_changed=False), plan=SimpleNamespace(lab=True),
        failed_before=failed_before)
    return _make_asker(run, str, ObservationLog("r"))


@pytest.mark.parametrize(("behind", "offset_s", "state"), [
    (timedelta(), 0.0, "answered"), (timedelta(), None, "answered"),
    (timedelta(days=1), 86_400.0, "answered"), (-timedelta(days=1), -86_400.0, "answered"),
    (-timedelta(hours=3), 0.0, "refused"),
    # a device whose clock stands still must not take an old feed for a fresh one
    (timedelta(), 3 * 3600.0, "refused"),
])
def test_the_age_is_told_by_the_clock_that_servers_put_right(behind: timedelta, offset_s: float | None,
                                                             state: str) -> None:
    ask = asker(start_clock(MADE - behind), [offset_s])
    assert ask("feed-de-1", endpoint(), ()).state == state


def test_the_clock_is_asked_for_until_it_is_known() -> None:
    offsets: list[float | None] = [None, 3 * 3600.0]
    ask = asker(start_clock(MADE), offsets)
    assert [ask("feed-de-1", endpoint(), ()).state for _ in range(3)] == ["answered", "refused", "refused"]
    assert not offsets


def test_earlier_runs_are_looked_at_once_and_where_we_are() -> None:
    looked: list[Vantage] = []

    def failed_before(here: Vantage) -> Mapping[str, datetime]:
        looked.append(here)
        return {endpoint().input: MADE - timedelta(hours=1)}

    ask = asker(start_clock(MADE), [0.0], failed_before)
    assert not looked
    told, other = ask("feed-de-1", endpoint(), ()), ask("feed-de-1", endpoint("https://other.example/"), ())
    assert (told.state, told.before, other.state) == ("answered", False, "refused")
    assert [(here.probe_cc, here.lab) for here in looked] == [("RU", True)]
    assert asker(start_clock(MADE), [0.0])("feed-de-1", endpoint(), ()).before
