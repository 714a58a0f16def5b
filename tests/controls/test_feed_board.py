"""What several feeds say together, as their ages allow; and what verdicts come of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds_made import KEY, MADE, URL, entry, failing, feed, place
from made_up_net import FRAME, Net, walk
from observations import HERE4, NEAR4, PRIVATE, REFUSED, RESET, THERE4, TIMEOUT, WELL, endpoint, site_of
from probe.controls.feeds.feed_board import FRESH_S, MAX_AHEAD_S, FeedBoard
from probe.controls.feeds.feed_document import Feed, FeedEntry, FeedPage
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe.core.verdicts import Verdict
from probe.instruments.steps import AskControl
from probe.judge.verdicts.classify import judge_run
from probe.judge.verdicts.site_case import RunContext
from probe.session.observation_log import ObservationLog

SOON = MADE + timedelta(minutes=5)
ALL = ("system", "network", "public", "tcp", "doh")
FAILED = MADE - timedelta(hours=4)
"""When the run before had found that the endpoint fails."""


def consult(*feeds: Feed, of: str = "de-1", now: datetime = SOON, url: str = URL,
            helpers: tuple[tuple[int, str], ...] = (), failed: datetime | None = FAILED) -> ControlAnswer:
    return FeedBoard(feeds=feeds, helpers=helpers).consult(f"feed-{of}", endpoint(url), now=now, t_s=3.0, failed=failed)


# ---- one feed

def test_a_fresh_entry_answers_as_a_helper_would() -> None:
    told = consult(feed(entry(dns_failure="", places=(place(app="proven", udp="", ja4="t13d1516h2_" + "a" * 12 + "_"
                                                            + "b" * 12), place("2606:2800::1", tls="eof_error")))))
    where, six = Place(HERE4, 443), Place("2606:2800::1", 443)
    assert (told.control_id, told.state, told.source, told.t_s) == ("feed-de-1", "answered", "feed", 3.0)
    assert told.tcp == ((where, ""), (six, ""))
    assert told.tls == ((where, ""), (six, "eof_error"))
    assert (told.udp, told.app) == (((where, ""),), ((where, "proven"),))
    assert told.leaf_keys == ((where, KEY), (six, KEY))
    assert [w for w, _ in told.ja4s] == [where]
    assert (told.http_failure, told.http_status, told.http_title, told.http_body_bytes) == ("", 200, "Chat", 1000)
    assert consult(feed(entry(page=None))).http_failure is None, "it was not asked for"


@pytest.mark.parametrize(("age_s", "state", "addresses"), [
    (-MAX_AHEAD_S - 1, "refused", ()), (-MAX_AHEAD_S, "answered", (HERE4,)), (0, "answered", (HERE4,)),
    (FRESH_S, "answered", (HERE4,)), (FRESH_S + 1, "refused", ()), (365 * 86_400, "refused", ()),
])
def test_a_word_counts_for_two_hours(age_s: int, state: str, addresses: tuple[str, ...]) -> None:
    made = feed(entry(at=60))
    told = consult(made, now=made.begun + timedelta(seconds=60 + age_s))
    assert (told.age_s, told.state, told.addresses) == (age_s, state, addresses)
    assert (told.tcp, told.tls, told.http_failure) == ((), (), None) or state == "answered"


@pytest.mark.parametrize(("failed_s", "works"), [(None, False), (1, False), (0, False), (-MAX_AHEAD_S + 1, False),
                                                 (-MAX_AHEAD_S, True), (-20 * 3600, True)])
def test_what_works_convicts_only_after_a_failure_of_our_own(failed_s: int | None, works: bool) -> None:
    made = feed(entry(at=0, places=(place(app="proven", udp=""), place("2606:2800::1", tls="eof_error"))))
    failed = None if failed_s is None else made.begun + timedelta(seconds=failed_s)
    told = consult(made, now=made.begun + timedelta(minutes=50), failed=failed)
    assert told.before is not works
    assert told.addresses == (HERE4,), "where the name led changes seldom"
    assert told.leaf_keys
    assert dict(told.tls).get(Place("2606:2800::1", 443)) == "eof_error", "a failure counts all the same"
    assert bool(dict(told.tcp)) == bool(told.app) == bool(told.udp) == works
    assert (Place(HERE4, 443) in dict(told.tls)) == works
    assert (told.http_failure, told.http_title) == ("", "Chat"), "pages are compared"


def test_what_it_does_not_know_is_no_word() -> None:
    assert consult(feed(), url="https://other.example/").reason == "the feed has nothing of this endpoint"
    assert consult(feed(entry(state="unclear"))).state == "refused"


# ---- several

DE, US, DE2 = {"name": "de-1"}, {"name": "us-1", "asn": 64520, "cc": "US"}, {"name": "de-2", "asn": 64511, "cc": "DE"}
SAME_AS = {"name": "fr-1", "asn": 64510, "cc": "FR"}


@pytest.mark.parametrize(("others", "helpers", "heard"), [
    ((DE, US), (), {"de-1", "us-1"}), ((DE, DE2), (), {"de-1"}), ((DE, SAME_AS), (), {"de-1"}),
    ((DE, DE2, US), (), {"de-1", "us-1"}), ((DE,), ((64510, "NL"),), set()), ((DE,), ((1, "DE"),), set()),
    ((DE, US), ((1, "DE"),), {"us-1"}), ((DE, US), ((0, ""),), {"de-1", "us-1"}),
])
def test_two_vantages_of_one_network_or_country_fail_as_one(
        others: tuple[dict[str, object], ...], helpers: tuple[tuple[int, str], ...], heard: set[str]) -> None:
    feeds = tuple(feed(failing(), **other) for other in others)  # type: ignore[arg-type]
    assert {f.name for f in feeds if consult(*feeds, of=f.name, helpers=helpers).state == "answered"} == heard


def test_what_works_is_told_by_each_of_them() -> None:
    mixed = entry(places=(place(), place(NEAR4, tcp=REFUSED, tls=None, key="")))
    feeds = feed(mixed), feed(mixed, **DE2)  # type: ignore[arg-type]
    assert consult(*feeds, of="de-1").tcp == ((Place(HERE4, 443), ""), (Place(NEAR4, 443), REFUSED))
    assert consult(*feeds, of="de-2").tcp == ((Place(HERE4, 443), ""),), "its failure is the first one's"


def test_who_fails_no_more_leaves_the_word_to_another() -> None:
    old = feed(failing(), made=MADE - timedelta(hours=3))
    feeds = old, feed(failing(), **DE2)  # type: ignore[arg-type]
    assert consult(*feeds, of="de-1").state == "refused"
    assert consult(*feeds, of="de-2").state == "answered"


@pytest.mark.parametrize(("feeds", "helpers", "n"), [
    ((), (), 0), ((DE,), (), 1), ((DE, DE2), (), 1), ((DE, US), (), 2), ((DE, SAME_AS), (), 1),
    ((DE,), ((1, "US"),), 2),
])
def test_vantages_count_by_network_and_country(
        feeds: tuple[dict[str, object], ...], helpers: tuple[tuple[int, str], ...], n: int) -> None:
    assert FeedBoard(feeds=tuple(feed(**f) for f in feeds), helpers=helpers).vantages == n  # type: ignore[arg-type]


PLACES = st.builds(place, ip=st.sampled_from([HERE4, NEAR4]), tcp=st.sampled_from(["", REFUSED, None]),
                   tls=st.sampled_from(["", RESET, None]), app=st.sampled_from(["proven", "foreign", TIMEOUT, None]))
ENTRIES = st.builds(entry, state=st.sampled_from(["ok", "fails", "unclear"]), at=st.integers(0, 600),
                    places=st.lists(PLACES, max_size=3).map(tuple), dns_failure=st.sampled_from(["", "dns_no_answer"]),
                    page=st.none() | st.builds(FeedPage, failure=st.sampled_from(["", TIMEOUT]),
                                               status=st.just(200)))
FEEDS = st.lists(st.builds(lambda e, n, cc, late: feed(e, name=f"v{n}", asn=64500 + n // 2, cc=cc,
                                                       made=MADE - timedelta(minutes=late)),
                           ENTRIES, st.integers(0, 5), st.sampled_from(["DE", "US", "FR"]), st.integers(-10, 1500)),
                 min_size=1, max_size=5, unique_by=lambda f: f.name).map(tuple)


@given(FEEDS)
def test_failures_that_count_come_from_networks_and_countries_apart(feeds: tuple[Feed, ...]) -> None:
    board = FeedBoard(feeds=feeds)
    told = [board.consult(name, endpoint(), now=MADE, t_s=0.0, failed=FAILED) for name in board.ids]
    bad = [c for c in told if c.dns_failure or c.http_failure or any(
        word and word != "proven" for pairs in (c.tcp, c.tls, c.udp, c.app) for _, word in pairs)]
    assert len({c.asn for c in bad}) == len({c.cc for c in bad}) == len(bad)
    for one in told:
        assert (one.state == "answered") <= (-MAX_AHEAD_S <= one.age_s <= FRESH_S)
        assert one.state == "answered" or not (one.tcp or one.tls or one.udp or one.app or one.leaf_keys)


# ---- verdicts

def verdict(net: Net, *feeds: Feed, now: datetime = SOON, of: Endpoint | None = None,
            failed: datetime | None = FAILED) -> tuple[Verdict, ObservationLog]:
    """What a run says that has no helper, and these feeds."""
    board, measured = FeedBoard(feeds=feeds), of or endpoint()

    def told(step: AskControl) -> ControlAnswer:
        assert step.control_id in board.ids
        return board.consult(step.control_id, measured, now=now, t_s=1.0, failed=failed)

    site, book = site_of(measured), ObservationLog("r")
    walk(site, replace(net, told=told), context=replace(FRAME, controls=(), feeds=board.ids), book=book)
    (found,), _ = judge_run([book.case(site)], {}, RunContext(ladder=WELL, quorums={}, cc="RU", private_roots={}))
    return found, book


def cut(stage: str, failure: str) -> Net:
    return Net(dns=dict.fromkeys(ALL, (HERE4,)), cuts={HERE4: (stage, failure)})


FAR_REFUSED, FAR_SILENT = (replace(cut("connect", failure), lost="far") for failure in (REFUSED, TIMEOUT))
"""Beyond everything that others' packets pass."""
A, B = feed(**DE), feed(**US)  # type: ignore[arg-type]
GONE_A, GONE_B = feed(failing(), **DE), feed(failing(), **US)  # type: ignore[arg-type]
STALE, BEFORE = MADE + timedelta(hours=3), MADE - timedelta(days=1)
ELSEWHERE = feed(entry(places=(place(THERE4),), addresses=(THERE4,)))


@pytest.mark.parametrize(("net", "feeds", "now", "outcome", "block_type", "control"), [
    (cut("connect", REFUSED), (A,), SOON, "blocked", "ip.reset", "contrary"),
    (cut("connect", REFUSED), (A, B), SOON, "blocked", "ip.reset", "contrary"),
    (cut("tls", RESET), (A,), SOON, "inconclusive", "inconclusive.unplaced", "contrary"),
    (FAR_REFUSED, (GONE_A, GONE_B), SOON, "down", "server.refused", "agrees"),
    (FAR_SILENT, (GONE_A, GONE_B), SOON, "down", "server.unreachable", "agrees"),
    # one vantage alone, two of one country, and two that quarrel say neither
    (cut("connect", TIMEOUT), (GONE_A,), SOON, "inconclusive", "inconclusive.control_doubtful", "agrees"),
    (cut("connect", TIMEOUT), (GONE_A, feed(failing(), **DE2)), SOON, "inconclusive",  # type: ignore[arg-type]
     "inconclusive.control_doubtful", "agrees"),
    (cut("connect", TIMEOUT), (A, GONE_B), SOON, "inconclusive", "inconclusive.control_doubtful", "doubtful"),
    # old ones say nothing, and neither do those that looked elsewhere
    (cut("connect", TIMEOUT), (A, B), STALE, "inconclusive", "inconclusive.control_failed", "failed"),
    (cut("connect", REFUSED), (GONE_A, GONE_B), STALE, "inconclusive", "inconclusive.control_failed", "failed"),
    (cut("connect", TIMEOUT), (A, B), BEFORE, "inconclusive", "inconclusive.control_failed", "failed"),
    (cut("connect", TIMEOUT), (ELSEWHERE,), SOON, "inconclusive", "inconclusive.control_failed", "failed"),
])
def test_feeds_take_the_place_of_helpers(net: Net, feeds: tuple[Feed, ...], now: datetime, outcome: str,
                                         block_type: str, control: str) -> None:
    found, _ = verdict(net, *feeds, now=now)
    assert (found.outcome, found.block_type, found.control) == (outcome, block_type, control), found


GONE_NAME: Net = Net(dns={**dict.fromkeys(ALL, "dns_server_failure"), "dot": "dns_server_failure"})


@pytest.mark.parametrize("net", [cut("connect", TIMEOUT), cut("connect", REFUSED), cut("tls", "eof_error"),
                                 cut("http", RESET), cut("http", TIMEOUT), GONE_NAME])
@pytest.mark.parametrize("feeds", [(A,), (A, B)])
def test_an_outage_that_began_since_the_feed_is_no_block(net: Net, feeds: tuple[Feed, ...]) -> None:
    """What worked five minutes ago may have failed since, everywhere."""
    found, book = verdict(net, *feeds, failed=None)
    assert found.outcome == "inconclusive", found
    assert all(c.before for c in book.controls if c.state == "answered")


def test_a_page_that_the_feed_was_served_as_well_is_the_service_s_own() -> None:
    """Whenever that was: what acquits need not lie between failures."""
    plain = endpoint("http://chat.example/")
    net = Net(dns=dict.fromkeys(ALL, (HERE4,)), page={"title": "Chat", "body_bytes": 1000})
    same = feed(entry(plain.input, places=(place(port=80, tls=None, key=""),)))
    assert verdict(net, same, of=plain, failed=None)[0].outcome == verdict(net, same, of=plain)[0].outcome == "ok"


def test_a_feed_that_looked_elsewhere_takes_no_verdict_away() -> None:
    """The innocent name tells of a suspicion by itself where no control speaks."""
    alone, _ = verdict(cut("tls", RESET))
    beside, _ = verdict(cut("tls", RESET), ELSEWHERE)
    assert (alone.rules, beside.rules) == (("path/unplaced", "tls/reset_sni"),) * 2


def test_a_feed_is_consulted_once_for_an_endpoint_and_only_where_something_fails() -> None:
    _, book = verdict(Net(dns=dict.fromkeys(ALL, (HERE4,))), A, B)
    assert not book.controls
    _, book = verdict(cut("tls", RESET), A, B)
    assert [c.control_id for c in book.controls] == ["feed-de-1", "feed-us-1"]


LIES: dict[str, tuple[str, ...] | str] = {**dict.fromkeys(("system", "network", "public"), (PRIVATE,)),
                                          "tcp": (), "doh": TIMEOUT, "dot": TIMEOUT}


@pytest.mark.parametrize(("now", "outcome", "reached"), [(SOON, "blocked", True), (STALE, "not_attempted", False)])
def test_behind_a_lie_the_feed_leads_to_the_service(now: datetime, outcome: str, reached: bool) -> None:
    found, book = verdict(Net(dns=LIES), A, now=now)
    assert found.outcome == outcome, found
    assert any(o.address == HERE4 and o.tls.trust == "valid" for o in book.observations) is reached


def test_a_censor_behind_the_one_behind_the_lie_is_seen() -> None:
    found, _ = verdict(Net(dns=LIES, cuts={HERE4: ("connect", REFUSED)}), A)
    assert found.outcome == "blocked"
    assert found.also == ("ip.reset",)


def test_a_name_that_nobody_knows() -> None:
    gone: dict[str, tuple[str, ...] | str] = dict.fromkeys(ALL, "dns_nxdomain_error")
    nameless: FeedEntry = entry(state="fails", dns_failure="dns_nxdomain_error", places=(), addresses=(), page=None)
    net = Net(dns={**gone, "doh": TIMEOUT, "dot": TIMEOUT})
    feeds = feed(nameless, **DE), feed(nameless, **US)  # type: ignore[arg-type]
    assert verdict(net, *feeds)[0].block_type == "server.nonexistent"
    assert verdict(net, feeds[0])[0].outcome == "inconclusive"
    assert verdict(net, *feeds, now=STALE)[0].outcome == "inconclusive"
    known = feed(entry(), **US)  # type: ignore[arg-type]
    assert verdict(net, known)[0].suspected == "dns.nxdomain"
