"""A crowd's feed end to end: forty volunteers in ten countries are all the control that a client has."""

from __future__ import annotations

import pytest

from crowds_made import volunteers
from lab_crowds import LEVEL, crowd_world, gather_crowd, judge_client, publish_crowd
from probe.control.feeds.feed_document import read_feed

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]


@pytest.mark.parametrize("scenario", ["ip-drop", "port-block", "dns-resolver-lie", "server-down"])
def test_a_crowd_decides_and_three_forgers_change_nothing(scenario: str) -> None:
    with crowd_world(scenario) as here:
        gather_crowd(here)
        feed = publish_crowd(here)
        here.measure("crowd", feed, after="before", consent_level=LEVEL)
        said = judge_client(here, "crowd")
        assert not said.invalid, said.invalid
        assert [row for row in (*said.rows, *said.others) if row.accused and not row.may_be_blocked] == []
        assert [row for row in said.rows if not row.met] == []
        gather_crowd(here, forged=volunteers(1, ("AT", "DE", "KE"), name="forged"))
        (here.folder / "state-crowd.json").unlink(missing_ok=True)
        with_forgers = read_feed(publish_crowd(here, "forged").read_bytes())
        words = [[(one.input, one.state, one.places) for one in made.entries]
                 for made in (read_feed(feed.read_bytes()), with_forgers)]
        assert words[0] == words[1]
