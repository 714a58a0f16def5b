"""A crowd's feed end to end: forty volunteers in ten countries are all the control that a client has."""

from __future__ import annotations

from pathlib import Path

import pytest

from crowds_made import volunteers
from lab_crowds import LEVEL, crowd_world, gather_crowd, publish_crowd
from lab_feeds import World
from probe.controls.feeds.feed_document import read_feed

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]


@pytest.mark.parametrize("scenario", ["ip-drop", "port-block", "dns-resolver-lie", "server-down"])
def test_a_crowd_decides_as_a_public_network_does_and_three_forgers_change_nothing(scenario: str) -> None:
    with crowd_world(scenario, public_network="true") as here:
        gather_crowd(here)
        crowd = publish_crowd(here)
        gather_crowd(here, forged=volunteers(1, ("AT", "DE", "KE"), name="forged"))
        (here.folder / "state-crowd.json").unlink(missing_ok=True)
        forged = publish_crowd(here, "forged")
        # Of what they do not lie about forgers say what they saw, as anybody: that may be enough for one more entry or
        # place, and must make no other word of those that stand there.
        assert _list_words(crowd).items() <= _list_words(forged).items()
        status, public = here.publish_public("world", "--ask", str(here.folder / "results-before"))
        assert status == 0
        said = {case: _decide(here, case, feed) for case, feed in (
            ("crowd", crowd), ("forged", forged), ("public", here.later(public, "public-later")))}
        assert said["crowd"] == said["forged"]
        assert {url: word.partition(".")[0] for url, word in said["crowd"].items()} == {
            url: word.partition(".")[0] for url, word in said["public"].items()}


def _decide(here: World, case: str, feed: Path) -> dict[str, str]:
    """What a run with this feed says of each target; all of it is right, and nobody is accused falsely."""
    here.measure(case, feed, after="before", consent_level=LEVEL)
    here.outcome(case)
    print([(row["state"], row["reason"], row["age_s"], row["before"]) for row in here.controls[case]])
    said = here.judge(case)
    assert not said.invalid, said.invalid
    assert [row for row in (*said.rows, *said.others) if row.accused and not row.may_be_blocked] == []
    assert [row for row in said.rows if not row.met] == []
    return {row.subject: row.got for row in said.rows}


def _list_words(path: Path) -> dict[tuple[object, ...], object]:
    """The state of each endpoint, and what is said of each of its places."""
    entries = read_feed(path.read_bytes()).entries
    return {**{(entry.input,): entry.state for entry in entries},
            **{(entry.input, place.ip, place.port): place for entry in entries for place in entry.places}}
