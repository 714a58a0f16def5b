"""A feed of many volunteers: what goes in, what does not, what of it can be subtracted, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
import pytest

from crowds_made import COUNTRIES, NOW, crowd, volunteers, well
from feeds_made import URL, entry, failing, feed, place
from made_up_net import Net
from observations import HERE4, NEAR4, REFUSED, RESET, TIMEOUT, endpoint
from probe.controls.feeds.feed_board import FeedBoard
from probe.controls.feeds.feed_document import (
    CROWD_ASN,
    CrowdFigure,
    Feed,
    FeedEntry,
    FeedError,
    FeedPage,
    FeedPlace,
    read_feed,
    write_feed,
)
from probe_operate.feeds.crowd_feed import STEP_S, find_window
from probe_operate.feeds.crowd_members import Member
from probe_operate.feeds.crowd_votes import FAILED, CrowdVotes
from test_feed_board import FAR_SILENT, cut, verdict

LIARS = volunteers(1, ("AT", "DE", "KE"), name="forged")


def only(made: Feed) -> FeedEntry:
    (found,) = made.entries
    return found


# ---- what goes in

def test_what_all_see_is_told_with_rounded_counts_and_no_network() -> None:
    made = crowd(well)
    found = only(made)
    assert (found.input, found.state, found.proof) == (URL, "ok", "http")
    assert found.places == (place(),)
    assert found.addresses == (HERE4,)
    assert found.page == FeedPage(status=200, title="Chat", bytes=1000)
    assert found.crowd is not None
    assert found.crowd.worked == CrowdFigure(probes=20, networks=20, countries=10)
    assert found.crowd.failed == CrowdFigure()
    raw = write_feed(made).decode()
    assert not any(f'"{cc}"' in raw for cc in COUNTRIES)
    assert not any(str(member.asn) in raw or member.probe_id in raw for member in volunteers())


def seen_by(count: int, countries: int) -> Callable[[Member], FeedEntry]:
    """So many volunteers, of so many countries, see an address, a key and a title of their own."""
    members = sorted(volunteers(), key=lambda one: (one.probe_id.rpartition("-")[2], one.cc))
    chosen = [one for one in members if one.cc in COUNTRIES[:countries]][:count]

    def says(member: Member) -> FeedEntry:
        if member not in chosen:
            return entry()
        return entry(addresses=(HERE4, NEAR4), places=(place(), place(NEAR4, key="cd" * 32)),
                     page=FeedPage(status=200, title="Mine", bytes=1000, headers=("x-mine",)))
    return says


@pytest.mark.parametrize(("count", "countries", "told"), [(1, 1, False), (4, 4, False), (5, 2, False), (5, 3, True)])
def test_what_few_see_is_told_to_nobody(count: int, countries: int, told: bool) -> None:
    raw = write_feed(crowd(seen_by(count, countries))).decode()
    assert (NEAR4 in raw) == ("cd" * 32 in raw) == ("x-mine" in raw) == told
    assert "Mine" not in raw, "most see another title"


def test_too_few_volunteers_say_nothing() -> None:
    with pytest.raises(FeedError):
        crowd(well, volunteers(2, COUNTRIES[:2]))
    with pytest.raises(FeedError):
        crowd(lambda _: None)


def test_what_is_blocked_somewhere_works() -> None:
    made = only(crowd(lambda one: failing(word=TIMEOUT) if one.cc in COUNTRIES[:6] else entry()))
    assert made.state == "ok"
    assert made.places == (place(),)
    assert made.crowd is not None
    assert (made.crowd.worked.countries, made.crowd.failed.countries) == (3, 5)


def test_an_outage_fails_and_one_that_begins_is_unclear() -> None:
    gone = only(crowd(lambda _: failing()))
    assert (gone.state, gone.places) == ("fails", (place(tcp="connection_refused", tls=None, key=""),))
    begins = only(crowd(lambda one: failing() if one.probe_id.endswith(("0", "1")) else entry()))
    assert (begins.state, begins.places, begins.page) == ("unclear", (), None)


def test_a_failing_address_of_a_service_that_works_is_told() -> None:
    made = only(crowd(lambda _: entry(places=(place(), place(NEAR4, tcp=TIMEOUT, tls=None, key="")))))
    assert [(one.ip, one.tcp) for one in made.places] == [(HERE4, ""), (NEAR4, TIMEOUT)]


def test_a_volunteer_counts_once_by_the_run_that_is_read_first() -> None:
    (begun, ends), (one, *_) = find_window(NOW), volunteers()
    votes = CrowdVotes(volunteers(), begun=begun, ends=ends)
    votes.add(one, feed(entry()))
    votes.add(one, feed(failing(), failing("https://other.example/")))
    assert {url: told.who(FAILED).bit_count() for url, told in votes.endpoints.items()} == {
        URL: 0, "https://other.example/": 1}


# ---- when

@pytest.mark.parametrize(("now", "begun", "ends"), [
    ((12, 7), (11, 0), (12, 0)), ((12, 30), (11, 30), (12, 30)), ((12, 29), (11, 0), (12, 0)),
])
def test_the_window_is_of_whole_half_hours(now: tuple[int, int], begun: tuple[int, int], ends: tuple[int, int]) -> None:
    day = datetime(2026, 11, 25, tzinfo=UTC)
    assert find_window(day.replace(hour=now[0], minute=now[1])) == tuple(
        day.replace(hour=hour, minute=minute) for hour, minute in (begun, ends))


def test_its_time_is_the_latest_since_which_enough_have_said_so() -> None:
    late = {one.probe_id: 3000.0 for one in volunteers(1, COUNTRIES[:5])} | {
        one.probe_id: 3500.0 for one in volunteers(1, COUNTRIES[5:7])}
    found = only(crowd(well, at_s={one.probe_id: 100.0 for one in volunteers()} | late))
    assert found.at == 3000 // STEP_S * STEP_S


# ---- forgers and two feeds

@pytest.mark.parametrize("up", [True, False])
def test_three_established_forgers_change_no_word(up: bool) -> None:
    honest, lie = (entry(), failing()) if up else (failing(), entry(places=(place(), place(NEAR4, key="cd" * 32)),
                                                                    addresses=(NEAR4,)))
    with_liars = only(crowd(lambda one: lie if one in LIARS else honest, (*volunteers(), *LIARS)))
    alone = only(crowd(lambda _: honest))
    assert msgspec.structs.replace(with_liars, crowd=None) == msgspec.structs.replace(alone, crowd=None)


def test_two_feeds_of_one_day_do_not_tell_who_was_there() -> None:
    """Whoever of forty is missing in the second, it is the same."""
    first = only(crowd(well))
    for missing in volunteers():
        second = crowd(well, set(volunteers()) - {missing}, now=NOW + timedelta(hours=1))
        assert only(second) == first


# ---- reading

def test_a_feed_is_a_vantage_s_or_a_crowd_s() -> None:
    made = crowd(well)
    for wrong in (msgspec.structs.replace(made, asn=64_510), msgspec.structs.replace(feed(), crowd=made.crowd),
                  msgspec.structs.replace(feed(), asn=CROWD_ASN, cc="XZ")):
        with pytest.raises(FeedError):
            read_feed(msgspec.json.encode(wrong))
    assert b"crowd" not in write_feed(feed()), "a vantage's own is written as before"


def mostly_gone(one: Member) -> FeedEntry:
    """It fails for all but those of one country."""
    return failing() if one.cc in COUNTRIES[:9] else entry()


class OldEntry(msgspec.Struct, frozen=True):
    """As readers know it who do not know of crowds."""

    input: str
    at: int
    state: Literal["ok", "fails", "unclear"]
    places: tuple[FeedPlace, ...] = ()


class OldFeed(msgspec.Struct, frozen=True):
    format: Literal[1]
    name: str
    asn: int
    cc: str
    begun: datetime
    made: datetime
    entries: tuple[OldEntry, ...]


def test_readers_who_do_not_know_of_crowds_take_it_for_one_vantage() -> None:
    made = crowd(well)
    old = msgspec.json.decode(write_feed(made), type=OldFeed)
    assert (old.asn, old.cc, old.made) == (CROWD_ASN, "XZ", made.made)
    assert [(one.input, one.state, one.places) for one in old.entries] == [(URL, "ok", (place(),))]


@pytest.mark.parametrize(("net", "says", "outcome", "block_type"), [
    (cut("connect", REFUSED), well, "blocked", "ip.reset"),
    (FAR_SILENT, lambda _: failing(word=TIMEOUT), "down", "server.unreachable"),
    (cut("tls", RESET), well, "inconclusive", "inconclusive.unplaced"),
    (cut("connect", TIMEOUT), mostly_gone, "inconclusive",
     "inconclusive.control_failed"),
])
def test_a_crowd_decides_alone(net: Net, says: Callable[[Member], FeedEntry], outcome: str, block_type: str) -> None:
    made = crowd(says)
    found, _ = verdict(net, made, now=NOW, failed=NOW - timedelta(hours=4))
    assert (found.outcome, found.block_type) == (outcome, block_type), found
    assert found.confidence <= 0.7, "whoever signs it is one"
    first, _ = verdict(net, made, now=NOW, failed=None)
    assert first.outcome != "blocked", "what worked may have failed since"


def test_a_crowd_counts_as_two_vantages_and_its_feed_as_one_elsewhere() -> None:
    made = crowd(lambda _: failing(word=TIMEOUT))
    board = FeedBoard(feeds=(made,))
    told = board.consult(made.control_id, endpoint(), now=NOW, t_s=0.0)
    assert told.networks == 10
    assert board.vantages == 2
    assert FeedBoard(feeds=(feed(),)).consult("feed-de-1", endpoint(), now=NOW, t_s=0.0).networks == 1
