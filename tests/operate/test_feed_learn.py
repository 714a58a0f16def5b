"""From a run at an uncensored place to a feed, and what is new in it."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds_made import MADE, entry, failing, feed, place
from in_order import in_order
from made_up_net import FRAME, Net, walk
from observations import (
    HERE4,
    HERE6,
    HOST,
    NEAR4,
    PRIVATE,
    REFUSED,
    RESET,
    TIMEOUT,
    WELL,
    endpoint,
    expecting,
    operation,
)
from probe.catalogue.sites import group_sites
from probe.catalogue.types import Catalogue
from probe.controls.feeds.feed_document import FeedEntry, FeedError, FeedPage, read_feed, write_feed
from probe.core.endpoints import Endpoint
from probe.core.runs import Run, RunResult, Vantage
from probe.core.tables.failures import ERRNO_FAILURES, RCODE_FAILURES, TRUST_FAILURES, Failure, classify_failure
from probe.core.verdicts import Verdict
from probe.judge.verdicts.classify import judge_run
from probe.judge.verdicts.site_case import RunContext
from probe.session.observation_log import ObservationLog
from probe_operate.feeds.feed_changes import KINDS, describe_failure, list_feed_changes
from probe_operate.feeds.feed_learning import FeedMaker, explain_unfit_run, is_unchanged, make_feed, read_failure_word

FRAME_OF = FeedMaker(name="de-1", asn=64510, cc="DE", software="1.0")
ALL = ("system", "network", "public", "tcp", "doh")
HERE: dict[str, tuple[str, ...] | str] = dict.fromkeys(ALL, (HERE4,))
WELL_RUN = Run(run_id="r", measurement_start_time="2026-11-25T11:50:00Z", runtime_s=120.0, catalogue_version="v",
               ladder=("ipv6:ok",), vantage=Vantage(families=(4, 6), consent_level=3))


def catalogue(*members: Endpoint) -> Catalogue:
    return Catalogue(endpoints=members, services={}, controls={}, innocent_names=(), expectations=(), path="p",
                     version="v")


def measured(net: Net, *members: Endpoint, run: Run = WELL_RUN) -> tuple[RunResult, Catalogue]:
    """What a run at a place with neither helpers nor feeds sees of these."""
    book, known = ObservationLog("r"), catalogue(*members or (endpoint(),))
    sites = group_sites(known.endpoints)
    for site in sites:
        walk(site, net, context=replace(FRAME, controls=(), families=(4, 6) if net.both else (4,)), book=book)
    verdicts, services = judge_run([book.case(site) for site in sites], {},
                                   RunContext(ladder=WELL, quorums={}, cc="DE", private_roots={}))
    return RunResult(run=run, observations=tuple(book.observations), controls=(), verdicts=verdicts,
                     services=services), known


def learned(net: Net, *members: Endpoint, run: Run = WELL_RUN) -> dict[str, FeedEntry]:
    made = make_feed(*measured(net, *members, run=run), FRAME_OF)
    assert read_feed(write_feed(made)) == made
    return {one.input: one for one in made.entries}


def only(net: Net, of: Endpoint | None = None) -> FeedEntry:
    (one,) = learned(net, of or endpoint()).values()
    return one


def net(cuts: Mapping[str, tuple[str, str]] | None = None, dns: dict[str, tuple[str, ...] | str] | None = None,
        **changes: Any) -> Net:
    return Net(dns=dns or HERE, cuts=cuts or {}, **changes)


# ---- entries

def test_what_answers_is_told_with_its_marks() -> None:
    page = {"title": "Chat", "body_bytes": 1000, "header_names": ("Server", "X-A"), "met_expectation": "yes"}
    found = only(net(page=page), expecting(f"https://{HOST}/", status=("200",)))
    assert (found.state, found.proof, found.since) == ("ok", "http", date(2026, 11, 25))
    assert found.addresses == (HERE4,)
    assert found.places == (place(key=""),)
    assert found.page == FeedPage(status=200, title="Chat", bytes=1000, headers=("server", "x-a"), met="yes")


@pytest.mark.parametrize(("url", "proof", "words"), [
    (f"tcpconnect://{HOST}:5222", "tcp", {"tcp": ""}), (f"tlshandshake://{HOST}:5223", "tls", {"tcp": "", "tls": ""}),
    (f"quichandshake://{HOST}:443", "quic", {"udp": ""}), (f"stun://{HOST}:3478", "stun", {"udp": ""}),
    (f"dnslookup:///{HOST}", "dns", {}),
])
def test_every_way_of_speaking_has_its_proof(url: str, proof: str, words: dict[str, str]) -> None:
    found = only(net(), endpoint(url))
    assert (found.state, found.proof) == ("ok", proof)
    told = {w: said for one in found.places for w in ("tcp", "tls", "udp", "app")
            if (said := getattr(one, w)) is not None}
    assert told == words


def test_a_messenger_s_own_answer_is_its_proof() -> None:
    of = endpoint(f"mtproto://{HOST}:443", protocol="mtproto", sni="", trust="none", port=443)
    common: dict[str, Any] = dict(input=of.input, sni="", trust="", protocol="mtproto", target_id=of.target_id)
    result, known = measured(net(), of)
    reached = tuple(o for o in result.observations if o.operation != "app_round_trip")
    for proof, state, told in (("proven", "ok", "proven"), ("answered", "ok", "answered"),
                               ("foreign", "fails", "foreign"), ("", "unclear", None)):
        seen = operation("connect", **common), operation("app_round_trip", proof=proof, **common)
        (found,) = make_feed(replace(result, observations=(*reached, *seen)), known, FRAME_OF).entries
        assert (found.state, found.places[0].app) == (state, told)
        assert found.proof == ("app" if state == "ok" else "tcp")


@pytest.mark.parametrize(("stage", "failure", "word", "told"), [
    ("connect", REFUSED, "tcp", "connection_refused (tcp)"), ("connect", TIMEOUT, "tcp", f"{TIMEOUT} (tcp)"),
    ("tls", RESET, "tls", ""), ("http", TIMEOUT, "", ""),
])
def test_what_never_answers_fails_unless_it_is_a_block(stage: str, failure: Failure, word: str, told: str) -> None:
    """A reset of the own name alone is this place's own censor, of whom nobody is to be told."""
    found = only(net({HERE4: (stage, failure)}))
    assert found.state == ("unclear" if stage == "tls" else "fails")
    if word and found.state == "fails":
        assert getattr(found.places[0], word) == failure
        assert describe_failure(found) == told
    assert found.places[0].tcp == (failure if stage == "connect" else "")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL])
def test_what_a_feed_s_own_machine_lacked_is_no_word_on_a_service(number: int) -> None:
    failure = classify_failure(OSError(number, os.strerror(number)))
    with pytest.raises(FeedError, match="nothing to publish"):
        learned(net({HERE4: ("connect", failure)}))


def test_a_page_that_is_not_as_expected_is_no_answer() -> None:
    found = only(net(page={"status": 403, "met_expectation": "no"}), expecting(f"https://{HOST}/", status=("200",)))
    assert (found.state, found.proof, describe_failure(found)) == ("fails", "tls", "status 403, not as expected")


def test_a_name_that_nobody_knows_is_denied_and_one_that_the_resolver_denies_is_unclear() -> None:
    gone = net(dns=dict.fromkeys(ALL, "dns_nxdomain_error"))
    assert (only(gone).state, only(gone).dns_failure) == ("fails", "dns_nxdomain_error")
    lied = {**HERE, "system": "dns_nxdomain_error", "network": "dns_nxdomain_error"}
    found = only(net(dns=lied))
    assert (found.state, found.dns_failure) == ("unclear", "")


def test_a_private_answer_is_told_to_nobody() -> None:
    raw = write_feed(make_feed(*measured(net(dns={**HERE, "system": (PRIVATE,), "network": (PRIVATE,)})), FRAME_OF))
    assert PRIVATE.encode() not in raw
    assert b"93.184.0.53" not in raw, "nor the vantage's resolver"


def test_ipv6_is_told_of_where_it_works() -> None:
    both: dict[str, tuple[str, ...] | str] = dict.fromkeys(ALL, (HERE4, HERE6))
    broken = net({HERE6: ("connect", TIMEOUT)}, dns=both, both=True)
    assert [p.ip for p in learned(broken)[f"https://{HOST}/"].places] == [HERE4, HERE6]
    without = learned(broken, run=replace(WELL_RUN, ladder=("ipv6:broken",)))[f"https://{HOST}/"]
    assert ([p.ip for p in without.places], without.state) == ([HERE4], "ok")


def test_a_place_that_tells_others_looks_at_every_address() -> None:
    every = tuple(f"93.184.0.{n}" for n in range(1, 9))
    many, book = net(dns=dict.fromkeys(ALL, every)), ObservationLog("r")
    walk(group_sites((endpoint(),))[0], many, book=book,
         context=replace(FRAME, controls=(), addresses_per_family=6, everywhere=True))
    shaken = {o.address for o in book.observations if o.operation == "tls_handshake" and o.purpose == "target"}
    assert shaken == set(every[:6])


def test_what_worked_once_and_failed_once_is_no_word() -> None:
    result, known = measured(net())
    connects = [o for o in result.observations if o.operation == "connect" and o.address == HERE4
                and o.purpose == "target"]
    first = replace(connects[0], failure=REFUSED, attempt=1)
    again = [replace(connects[0], attempt=2), replace(connects[0], attempt=3, failure=TIMEOUT)]
    others = [o for o in result.observations if o.address != HERE4]
    flaky = (*others, first, *again)
    (one,) = make_feed(replace(result, observations=flaky), known, FRAME_OF).entries
    assert one.state == "unclear"
    assert not one.places
    (once,) = make_feed(replace(result, observations=(*others, first)), known, FRAME_OF).entries
    assert once.state == "unclear", "one failure is none"


def test_controls_that_must_not_answer_and_closed_services_are_left_out() -> None:
    closed = expecting(f"tcpconnect://{HOST}:81", status=("closed",), target_id="c.control.81")
    dead = endpoint(f"https://old.{HOST}/", target_id="old.web.main", status="dead")
    assert set(learned(net(), endpoint(), closed, dead)) == {f"https://{HOST}/"}
    with pytest.raises(FeedError, match="nothing to publish"):
        make_feed(*measured(net(), closed), FRAME_OF)


def test_templates_are_not_told_of_since_each_run_fills_them_otherwise() -> None:
    result, known = measured(net())
    raw = replace(known, endpoints=tuple(replace(e, input="https://{rand16}.example/") for e in known.endpoints))
    with pytest.raises(FeedError):
        make_feed(result, raw, FRAME_OF)


KNOWN = sorted({*ERRNO_FAILURES.values(), *RCODE_FAILURES.values(), *TRUST_FAILURES.values()})


@given(st.sampled_from(KNOWN) | st.text(max_size=100))
def test_of_a_failure_the_word_alone_is_told(failure: Failure) -> None:
    word = read_failure_word(f"{failure}: my own address is 192.0.2.7")
    assert word == word.strip()
    assert FeedPage(failure=word).failure == word
    assert "192" not in word or "192" in failure
    assert read_feed(write_feed(feed(entry(page=FeedPage(failure=word)))))


# ---- the clock, and since when

def test_a_wrong_clock_is_put_right() -> None:
    made = make_feed(*measured(net(), run=replace(WELL_RUN, clock_offset_s=-7200.0)), FRAME_OF)
    assert made.begun == datetime(2026, 11, 25, 9, 50, tzinfo=UTC)
    assert made.made == made.begun + timedelta(seconds=121)
    near = make_feed(*measured(net(), run=replace(WELL_RUN, clock_offset_s=3.0)), FRAME_OF)
    assert near.begun == datetime(2026, 11, 25, 11, 50, tzinfo=UTC), "servers' clocks differ by as much"


def test_a_look_keeps_its_date_until_it_changes() -> None:
    result, known = measured(net(page={"title": "Chat"}))
    first = make_feed(result, known, FRAME_OF)
    old = replace(result.run, measurement_start_time="2026-12-24T11:50:00Z")
    later = make_feed(replace(result, run=old), known, FRAME_OF, before=first)
    assert later.entries[0].since == date(2026, 11, 25)
    other, _ = measured(net(page={"title": "Moved"}), run=old)
    assert make_feed(other, known, FRAME_OF, before=later).entries[0].since == date(2026, 12, 24)


# ---- whether to publish at all

def test_a_place_that_is_not_well_publishes_nothing() -> None:
    result, _ = measured(net())
    assert explain_unfit_run(result) == ""
    assert "not well (local.offline)" in explain_unfit_run(replace(result, run=replace(
        result.run, outcome="local", block_type="local.offline")))
    assert "Nothing was measured" in explain_unfit_run(replace(result, verdicts=()))
    censored = [Verdict(target_id=f"t{n}", service="s", role="web", input="i", outcome="blocked" if n < 3 else "ok")
                for n in range(5)]
    assert "no uncensored place" in explain_unfit_run(replace(result, verdicts=tuple(censored)))
    assert explain_unfit_run(replace(result, verdicts=tuple(censored[2:]))) == ""


# ---- what is new

def test_changes_are_told_in_words_and_only_what_is_one() -> None:
    old = feed(entry("https://a/"), entry("https://b/"), entry("https://c/"), entry("https://d/"),
               failing("https://e/"), entry("https://f/"), entry("https://g/"))
    new = feed(
        entry("https://a/", page=FeedPage(status=302)), entry("https://b/", page=FeedPage(status=200, title="Other")),
        entry("https://c/", places=(place(key="cd" * 32),)), failing("https://d/"), entry("https://e/"),
        entry("https://f/", state="unclear"), entry("https://h/"), made=MADE + timedelta(hours=1))
    found = list_feed_changes(old, new)
    assert [(c.input[8], c.kind) for c in found] == [
        ("a", "status"), ("b", "title"), ("c", "key"), ("d", "fails"), ("e", "answers"), ("h", "new"), ("g", "gone")]
    assert {c.kind for c in found} == set(KINDS)
    assert in_order(found[0].words, "https://a/", "status", "200 -> 302")
    assert found[3].words.endswith("none -> connection_refused (tcp)")
    assert (found[4].before, found[4].after) == ("connection_refused (tcp)", ""), "what answers fails in no way"
    assert list_feed_changes(None, new) == ()


def test_edges_of_one_network_have_keys_of_their_own() -> None:
    many = entry(places=(place(), place(NEAR4, key="cd" * 32)))
    assert is_unchanged(entry(), many)
    assert is_unchanged(entry(), entry(places=(place(key=""),)))
    assert not is_unchanged(entry(), entry(places=(place(key="cd" * 32),)))


def test_a_feed_follows_from_the_run_alone() -> None:
    result, known = measured(net())
    shuffled = list(known.endpoints)
    random.Random(1).shuffle(shuffled)
    assert make_feed(result, known, FRAME_OF) == make_feed(result, replace(known, endpoints=tuple(shuffled)), FRAME_OF)
