"""Control feeds end to end: made at the laboratory's vantage points and behind the censor, read by a client that has no
helper.

Two worlds live side by side, in which the client's runs do so as well: most of their time is waiting.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from lab_feeds import World, side_by_side, world
from probe.controls.feeds.feed_board import MAX_AHEAD_S
from probe.controls.feeds.feed_document import Feed, read_feed
from probe.judge.verdicts.confidence import ONE_NETWORK
from probe_lab.laboratory import CLIENT

ELSEWHERE = (64999, "IS")
"""What the censored place says of itself."""

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def censored() -> Iterator[World]:
    """All packets to the target's addresses vanish on the client's way."""
    with world("ip-drop") as here:
        one, _ = here.drawn.world.vantages[:2]
        here.measure("before")
        early, behind = side_by_side(
            lambda: here.publish("early", host=one.control_id, asn=one.asn, cc=one.cc),
            lambda: here.publish("behind", host=CLIENT, asn=ELSEWHERE[0], cc=ELSEWHERE[1]))
        made, good = read_feed(early.read_bytes()), here.later(early, "good")
        earlier = timedelta(hours=3)
        stale = here.again(good, "stale", begun=made.begun - earlier, made=made.made - earlier)
        tampered = here.again(good, "tampered")
        tampered.write_bytes(tampered.read_bytes().replace(b'"cc":', b'"cc": ', 1))
        side_by_side(lambda: here.measure("good", good, after="before"), lambda: here.measure("first", good),
                     lambda: here.measure("early", early, after="before"), lambda: here.measure("stale", stale),
                     lambda: here.measure("tampered", tampered),
                     lambda: here.measure("quarrel", good, behind, after="before"))
        yield here


@pytest.fixture(scope="module")
def down() -> Iterator[World]:
    """Nothing listens on the target's addresses."""
    with world("server-down") as here:
        one, two = here.drawn.world.vantages[:2]
        first, second = side_by_side(
            lambda: here.publish("one", host=one.control_id, asn=one.asn, cc=one.cc),
            lambda: here.publish("two", host=two.control_id, asn=two.asn, cc=two.cc))
        neighbour = here.again(second, "neighbour", cc=one.cc)
        side_by_side(lambda: here.measure("both", first, second), lambda: here.measure("one", first),
                     lambda: here.measure("neighbours", first, neighbour))
        yield here


def entry_of(path: Path, url: str) -> tuple[Feed, str]:
    made = read_feed(path.read_bytes())
    found = made.entry(url)
    assert found is not None
    return made, found.state


def test_a_feed_made_elsewhere_and_a_neighbour_that_passes_convict(censored: World) -> None:
    made, state = entry_of(censored.folder / "feeds-early/good.json", censored.target)
    assert state == "ok"
    assert [entry.input for entry in made.entries if entry.state != "ok"] == []
    assert censored.outcome("good") == ("blocked", "ip.blackhole", "contrary")
    assert censored.verdicts["good"]["basis"] == "place"
    assert censored.verdicts["good"]["control_ids"] == "feed-good"
    (row,) = (row for row in censored.controls["good"] if row["state"] == "answered")
    assert (row["source"], row["asn"], row["cc"]) == ("feed", str(made.asn), made.cc)
    assert row["before"] == "false"
    assert -MAX_AHEAD_S <= int(row["age_s"]) < 600


@pytest.mark.parametrize("case", ["first", "early"])
def test_it_convicts_nothing_that_was_not_failing_before_as_well(censored: World, case: str) -> None:
    """Whose first failure this is, or who had failed too short a time before, may see an outage that began since."""
    assert censored.outcome("before")[:2] == ("inconclusive", "inconclusive.no_control")
    assert censored.outcome(case)[:2] == ("inconclusive", "inconclusive.control_failed")
    assert [row["before"] for row in censored.controls[case] if row["state"] == "answered"] == ["true"]


def test_nothing_of_the_maker_s_own_is_in_it(censored: World) -> None:
    raw = (censored.folder / "feeds-early/early.json").read_text()
    place = censored.drawn.world.vantages[0]
    for own in (place.ipv4, place.ipv6, censored.drawn.world.resolver):
        assert own not in raw


def test_a_stale_feed_leaves_it_undecided(censored: World) -> None:
    assert censored.outcome("stale")[0] == "inconclusive"
    assert [row["reason"] for row in censored.controls["stale"]] == ["the feed is too old to count"]


def test_a_feed_that_was_altered_is_refused_and_said_to_be(censored: World) -> None:
    assert "altered" in censored.told["tampered"]
    assert censored.outcome("tampered")[:2] == ("inconclusive", "inconclusive.no_control")
    assert not censored.controls["tampered"]


def test_a_feed_made_behind_the_censor_takes_the_accusation_away(censored: World) -> None:
    assert entry_of(censored.folder / "feeds-behind/behind.json", censored.target)[1] == "fails"
    assert censored.outcome("quarrel") == ("inconclusive", "inconclusive.control_doubtful", "doubtful")


def test_two_vantages_say_that_a_service_is_down(down: World) -> None:
    assert entry_of(down.folder / "feeds-one/one.json", down.target)[1] == "fails"
    assert down.outcome("both") == ("down", "server.refused", "agrees")


@pytest.mark.parametrize("case", ["one", "neighbours"])
def test_one_vantage_or_two_of_one_country_decide_no_more_than_where_we_are_refused(down: World, case: str) -> None:
    """Refused far from here, and there too: the service is down, with no more confidence than one network bears."""
    outcome, cause, word = down.outcome(case)
    assert (outcome, word) in (("inconclusive", "agrees"), ("down", "agrees"))
    assert outcome == "inconclusive" or (cause == "server.refused"
                                         and float(down.verdicts[case]["confidence"]) <= ONE_NETWORK)


def test_stored_runs_are_judged_again_alike(censored: World, down: World) -> None:
    for here, cases in ((censored, ("good", "first", "quarrel", "stale")), (down, ("both", "one"))):
        for case in cases:
            results = here.folder / f"results-{case}"
            status, out, errors = here.call("classify", str(results), "--catalogue", str(here.catalogue))
            assert status == 0, (out, errors)
            assert ", 0 changed" in out, out
