"""Stories, replayed step by step: what a run does next, what it never does, and that it comes to an end."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_up_net import FRAME, MAX_STEPS, Net, walk
from observations import (
    HERE4,
    HERE6,
    HOST,
    NEAR4,
    PRIVATE,
    REFUSED,
    RESET,
    THERE4,
    TIMEOUT,
    endpoint,
    expecting,
    replace_flat,
    site_of,
    told,
)
from probe.catalogue.sites import Site, expand_templates, group_sites
from probe.core.addresses import may_connect
from probe.core.tables.failures import Failure
from probe.instruments.steps import AskControl, FollowRedirect, Lookup, Step, Visit
from probe.session.observation_log import ObservationLog
from probe.session.planning.next_steps import plan_next_steps
from probe.session.planning.plan_context import PlanContext
from probe.session.planning.redirects import MAX_REDIRECTS
from probe.session.planning.site_visits import make_target_visit
from probe_operate.helper import helper_engine

PLAIN = f"http://{HOST}/"
HONEST: dict[str, tuple[str, ...] | str] = {
    "system": (HERE4,), "network": (HERE4,), "public": (HERE4,), "tcp": (HERE4,), "doh": (HERE4,)}
BOTH = replace(FRAME, families=(4, 6))


def visits(taken: list[Step], *purposes: str) -> list[Visit]:
    return [s for s in taken if isinstance(s, Visit) and (not purposes or s.purpose in purposes)]


def asked(taken: list[Step]) -> list[str]:
    return [s.control_id for s in taken if isinstance(s, AskControl)]


def channels(taken: list[Step]) -> list[str]:
    return [s.channel for s in taken if isinstance(s, Lookup)]


def in_any_order(site: Site, net: Net, context: PlanContext = FRAME) -> list[list[Step]]:
    """The same story with events in several orders."""
    return [walk(site, net, context=context),
            *(walk(site, net, context=context, rng=random.Random(n)) for n in range(8))]


# ---- nothing to explain

def test_a_site_that_works_is_asked_as_little_as_can_be() -> None:
    for taken in in_any_order(site_of(), Net(dns=HONEST)):
        assert sorted(channels(taken)) == ["https", "network", "public", "system"]
        assert [(v.purpose, v.attempt) for v in visits(taken)] == [("innocent", 1), ("target", 1)]
        assert len(taken) == 6


def test_the_innocent_name_goes_first_to_the_same_place() -> None:
    innocent, target = visits(walk(site_of(), Net(dns=HONEST)))
    assert (innocent.address, innocent.port, innocent.sni) == (target.address, target.port, FRAME.innocent)
    assert innocent.until_server_hello
    assert not innocent.pages
    assert (target.sni, target.trust, [p.url for p in target.pages]) == (HOST, "web_pki", [f"https://{HOST}/"])


def test_without_a_name_nothing_is_looked_up() -> None:
    site = site_of(endpoint(f"tcpconnect://{HERE4}:5222", address=HERE4))
    taken = walk(site, Net(dns={}))
    assert [(type(s), getattr(s, "purpose", "")) for s in taken] == [(Visit, "target")]
    assert walk(site_of(endpoint(f"tcpconnect://[{HERE6}]:5222", address=HERE6)), Net(dns={})) == []


def test_a_page_is_fetched_once_and_not_once_an_address() -> None:
    many: dict[str, tuple[str, ...] | str] = {c: (HERE4, NEAR4, THERE4, HERE6) for c in ("system", "network", "public")}
    for taken in in_any_order(site_of(), Net(dns=many, both=True), BOTH):
        mine = visits(taken, "target")
        assert {v.address for v in mine} == {HERE4, NEAR4, HERE6}  # two of the first family, one of the other
        assert sum(bool(v.pages) for v in mine) == 1
        assert not asked(taken)


# ---- the service is cut off

@pytest.mark.parametrize("cut", [("tls", RESET), ("tls", TIMEOUT), ("tls", "eof_error"), ("http", RESET)])
def test_a_cut_connection_is_tried_again_and_controls_are_asked_once(cut: tuple[str, str]) -> None:
    most = FRAME.attempts if cut[1] == TIMEOUT else FRAME.quick_attempts  # silence costs time, an end does not
    for taken in in_any_order(site_of(), Net(dns=HONEST, cuts={HERE4: cut})):
        assert [v.attempt for v in visits(taken, "target")] == list(range(1, most + 1))
        assert sorted(asked(taken)) == ["a", "b"]
        assert not visits(taken, "port")
        assert len(visits(taken, "innocent")) == 1
        first_target = next(n for n, s in enumerate(taken) if isinstance(s, Visit) and s.purpose == "target")
        assert any(isinstance(s, Visit) and s.purpose == "innocent" for s in taken[:first_target])
        assert channels(taken).count("doh") == 2


def test_whoever_takes_long_to_answer_does_so_for_controls_as_well() -> None:
    """They wait less than we do, or a server that takes its time, whoever asks, would be silent towards us alone."""
    visit = make_target_visit(site_of(endpoint()), HERE4, "network", PlanContext(), attempt=1)
    assert min(visit.connect_timeout_s, visit.tls_timeout_s) >= helper_engine.CONNECT_TIMEOUT_S + 1
    assert visit.http_timeout_s >= helper_engine.HTTP_TIMEOUT_S + 1


@pytest.mark.parametrize("word", [TIMEOUT, RESET])
def test_an_address_that_was_only_looked_at_gets_as_many_attempts_as_any(word: str) -> None:
    two: dict[str, tuple[str, ...] | str] = {c: (HERE4, NEAR4) for c in ("system", "network", "public")}
    most = FRAME.attempts if word == TIMEOUT else FRAME.quick_attempts
    for taken in in_any_order(site_of(), Net(dns=two, cuts={HERE4: ("tls", word), NEAR4: ("tls", word)})):
        for address in (HERE4, NEAR4):
            assert len([v for v in visits(taken, "target") if v.address == address and v.sni]) >= most


@pytest.mark.parametrize("acked", ["no", "yes"])
def test_where_every_hello_vanishes_other_bytes_are_said_between_two_of_them(acked: str) -> None:
    net = Net(dns=HONEST, cuts={HERE4: ("tls", TIMEOUT)}, innocent_cuts={HERE4: ("tls", TIMEOUT)},
              cut_shake={"acked": acked})
    for taken in in_any_order(site_of(), net):
        told_there = [(v.purpose, v.attempt) for v in visits(taken, "target", "bytes")]
        between = [("bytes", 1)] if acked == "no" else []
        assert told_there == [("target", 1), ("target", 2), *between, ("target", 3)]


def test_controls_are_told_every_address_of_the_story() -> None:
    two: dict[str, tuple[str, ...] | str] = {**HONEST, "system": (HERE4, NEAR4), "network": (HERE4, NEAR4)}
    net = Net(dns=two, cuts={HERE4: ("tls", RESET), NEAR4: ("tls", RESET)})
    for taken in in_any_order(site_of(), net):
        asks = [s for s in taken if isinstance(s, AskControl)]
        assert sorted(a.control_id for a in asks) == ["a", "b"]
        assert all(set(a.addresses) >= {HERE4, NEAR4} for a in asks)


def test_an_address_of_our_own_household_is_neither_visited_nor_named_to_anybody() -> None:
    router, ours = "2606:2800:0:7::1", ("192.168.1.2", "2606:2800:0:7::abcd")
    told_so: dict[str, tuple[str, ...] | str] = {c: (router,) for c in ("system", "network")}
    net = Net(dns={**told_so, "public": (HERE6,), "doh": (HERE6,)}, both=True)
    for frame, visited in ((replace(BOTH, ours=ours), False), (BOTH, True)):
        taken = walk(site_of(), net, context=frame)
        assert (router in {v.address for v in visits(taken)}) == visited
        assert visited or router not in {a for s in taken if isinstance(s, AskControl) for a in s.addresses}


def test_what_a_control_answers_is_no_reason_to_ask_it_again() -> None:
    def answer(step: AskControl) -> Any:
        return told(step.control_id, input=step.input, addresses=(THERE4,), tls=((f"{THERE4}:443", ""),))

    net = Net(dns=HONEST, cuts={HERE4: ("tls", RESET)}, told=answer)
    for taken in in_any_order(site_of(), net):
        assert sorted(asked(taken)) == ["a", "b"]


def test_an_address_that_does_not_answer_is_asked_at_another_port_once() -> None:
    for taken in in_any_order(site_of(), Net(dns=HONEST, cuts={HERE4: ("connect", TIMEOUT)})):
        assert [(v.address, v.port) for v in visits(taken, "port")] == [(HERE4, 80)]
        assert [v.attempt for v in visits(taken, "target")] == [1, 2, 3]
        assert sorted(asked(taken)) == ["a", "b"]
    (other,) = visits(walk(site_of(endpoint(PLAIN)), Net(dns=HONEST, cuts={HERE4: ("connect", TIMEOUT)})), "port")
    assert other.port == 443


def test_ipv6_that_is_broken_here_is_tried_once() -> None:
    both: dict[str, tuple[str, ...] | str] = dict.fromkeys(HONEST, (HERE4, HERE6))
    net = Net(dns=both, both=True, cuts={HERE6: ("connect", "network_unreachable")})
    for taken in in_any_order(site_of(), net, replace(BOTH, ipv6_broken=True)):
        assert [v.attempt for v in visits(taken, "target") if v.address == HERE6] == [1]
        assert not visits(taken, "port")
    unbroken = walk(site_of(), net, context=BOTH)
    assert [v.attempt for v in visits(unbroken, "target") if v.address == HERE6] == [1, 2, 3]


def test_only_the_failing_page_is_asked_again() -> None:
    site = site_of(expecting(PLAIN, status=("200",)), expecting(f"{PLAIN}b", target_id="chat.web.b", status=("200",)))
    net = Net(dns=HONEST)
    carry_out = net._visit

    def second_fails(step: Visit) -> Any:
        return [replace(o, met_expectation="no" if o.input.endswith("b") else "yes") for o in carry_out(step)]

    net._visit = second_fails  # type: ignore[method-assign]
    pages = [[p.input for p in v.pages] for v in visits(walk(site, net), "target")]
    assert pages == [[PLAIN, f"{PLAIN}b"], [f"{PLAIN}b"], [f"{PLAIN}b"]]


# ---- the name is lied about

@pytest.mark.parametrize("failure", ["dns_nxdomain_error", "dns_servfail_error", TIMEOUT, "dns_no_answer"])
def test_a_name_that_fails_is_repeated_and_asked_of_those_who_are_trusted(failure: Failure) -> None:
    lied: dict[str, tuple[str, ...] | str] = {
        **HONEST, "system": failure, "network": failure, "tcp": (THERE4,), "doh": (THERE4,)}
    for taken in in_any_order(site_of(), Net(dns=lied)):
        lookups = [s for s in taken if isinstance(s, Lookup)]
        assert [s.attempt for s in lookups if s.channel == "network"] == [1, 2, 3]
        assert {s.server for s in lookups if s.channel == "doh"} == set(FRAME.doh)
        assert channels(taken).count("tcp") == 1
        assert [(v.purpose, v.address, v.attempt) for v in visits(taken, "target", "trusted")] == [
            ("trusted", THERE4, 1)]
        assert sorted(asked(taken)) == ["a", "b"]


@pytest.mark.parametrize("forged", [PRIVATE, "127.0.0.1", "0.0.0.0", "169.254.1.1", "198.18.0.1"])
def test_a_forged_private_answer_is_never_visited_and_is_looked_behind(forged: str) -> None:
    lied: dict[str, tuple[str, ...] | str] = {**HONEST, "system": (forged,), "network": (forged,), "doh": (THERE4,)}
    for taken in in_any_order(site_of(), Net(dns=lied)):
        assert {v.address for v in visits(taken)} == {THERE4}
        assert [v.purpose for v in visits(taken)] == ["innocent", "trusted"]
        assert {s.name for s in taken if isinstance(s, Lookup) and s.channel == "dark"} == {HOST, FRAME.innocent}


def test_an_answer_that_only_differs_is_visited_first_and_proves_itself() -> None:
    differs: dict[str, tuple[str, ...] | str] = {**HONEST, "doh": (THERE4,)}
    for taken in in_any_order(site_of(), Net(dns=differs)):
        assert {v.address for v in visits(taken)} == {HERE4}
        assert "doh" not in channels(taken)
        assert not asked(taken)


def test_a_server_that_is_not_the_services_sends_the_run_behind_the_answer() -> None:
    lied: dict[str, tuple[str, ...] | str] = {**HONEST, "doh": (THERE4,)}
    net = Net(dns=lied, cuts={HERE4: ("tls", "ssl_unknown_authority")})
    for taken in in_any_order(site_of(), net):
        mine = visits(taken, "target", "trusted")
        assert {(v.purpose, v.address) for v in mine} == {("target", HERE4), ("trusted", THERE4)}
        assert mine[0].address == HERE4


def test_a_name_without_ipv6_is_not_taken_for_empty_before_its_answer_came() -> None:
    empty, full = Net(dns={}, both=True).carry_out(Lookup(channel="network", name=HOST))[0]
    book, site = ObservationLog("r"), site_of()
    book.add(replace_flat(empty, query_type="AAAA"))
    half = plan_next_steps(site, book.history_of(site), BOTH)
    assert sorted(channels(half)) == ["https", "network", "public", "system"]
    book.add(replace_flat(full, query_type="A", answers=(HERE4,), failure=""))
    assert [v.address for v in visits(plan_next_steps(site, book.history_of(site), BOTH))] == [HERE4]
    assert "doh" not in channels(plan_next_steps(site, book.history_of(site), BOTH))


def test_a_lookup_is_repeated_only_when_the_one_before_is_over() -> None:
    book, site = ObservationLog("r"), site_of()
    net = Net(dns={"system": "dns_nxdomain_error"})
    for seen in net.carry_out(Lookup(channel="system", name=HOST))[0]:
        book.add(seen)
    due = [s for s in plan_next_steps(site, book.history_of(site), FRAME) if isinstance(s, Lookup) and s.channel
           == "network"]
    assert [s.attempt for s in due] == [1]


@pytest.mark.parametrize(("failure", "asked_again"), [(TIMEOUT, True), ("dns_servfail_error", True),
                                                      ("dns_nxdomain_error", False)])
def test_a_resolver_that_fails_a_name_three_times_is_asked_whether_it_lives(failure: Failure,
                                                                              asked_again: bool) -> None:
    lied: dict[str, tuple[str, ...] | str] = {**HONEST, "system": failure, "network": failure}
    for taken in in_any_order(site_of(), Net(dns=lied)):
        alive = [s for s in taken if isinstance(s, Lookup) and s.channel == "alive"]
        assert [(s.name, s.about, s.server) for s in alive] == (
            [(FRAME.innocent, HOST, FRAME.network_resolver)] if asked_again else [])
        last = max(n for n, s in enumerate(taken) if isinstance(s, Lookup) and s.channel == "network")
        assert all(taken.index(s) > last for s in alive)


def test_nobody_looks_for_a_service_where_an_innocent_name_lives() -> None:
    lied: dict[str, tuple[str, ...] | str] = {
        "system": "dns_servfail_error", "network": "dns_servfail_error", "alive": (NEAR4,), "doh": (HERE4,)}
    for taken in in_any_order(site_of(), Net(dns=lied)):
        assert "alive" in channels(taken)
        assert {(v.address, v.source) for v in visits(taken, "target", "trusted")} == {(HERE4, "trusted")}


# ---- redirects

def redirecting(location: str, **changes: Any) -> Net:
    return Net(dns=HONEST, page={"status": 302, "location": location, "sni": "", **changes})


def test_a_redirect_in_the_clear_to_another_place_is_followed_five_times_at_most() -> None:
    net = redirecting("http://away0.net/")
    net.follow = lambda step: {"status": 302, "location": f"http://away{int(step.url[11:-5]) + 1}.net/"}
    for taken in in_any_order(site_of(endpoint(PLAIN)), net):
        follows = [s.url for s in taken if isinstance(s, FollowRedirect)]
        assert follows == [f"http://away{n}.net/" for n in range(MAX_REDIRECTS)]


def test_a_circle_of_redirects_is_walked_once() -> None:
    net = redirecting("http://one.net/")
    net.follow = lambda step: {"status": 302, "location": "http://two.net/" if "one" in step.url else "http://one.net/"}
    for taken in in_any_order(site_of(endpoint(PLAIN)), net):
        assert [s.url for s in taken if isinstance(s, FollowRedirect)] == ["http://one.net/", "http://two.net/"]


@pytest.mark.parametrize("location", [
    f"https://{HOST}/", f"https://www.{HOST}/x", "/login", "", "http://[", "//[", "ftp://away.net/", "javascript:1",
    "mailto:a@away.net",
])
def test_what_leads_nowhere_else_is_not_followed(location: str) -> None:
    taken = walk(site_of(endpoint(PLAIN)), redirecting(location))
    assert not [s for s in taken if isinstance(s, FollowRedirect)]


def test_a_redirect_over_tls_is_the_servers_own() -> None:
    net = Net(dns=HONEST, page={"status": 302, "location": "http://away.net/"})
    assert not [s for s in walk(site_of(), net) if isinstance(s, FollowRedirect)]


def test_a_redirect_to_the_targets_own_address_is_no_visit_of_the_target() -> None:
    book, site = ObservationLog("r"), site_of()
    net = Net(dns=HONEST)
    for channel in ("system", "network"):
        for seen in net.carry_out(Lookup(channel=channel, name=HOST))[0]:
            book.add(seen)
    for seen in net.carry_out(FollowRedirect(input=f"https://{HOST}/", target_id="chat.web.main",
                                             url="http://away.net/"))[0]:
        book.add(replace(seen, address=HERE4, failure=RESET))
    due = [s for s in walk(site, net, book=book) if isinstance(s, Visit)]
    assert [v.attempt for v in due if v.purpose == "target"] == [1]


# ---- whatever the network says

ANSWERS = st.lists(st.sampled_from([
    HERE4, NEAR4, THERE4, HERE6, PRIVATE, "127.0.0.1", "192.168.1.1", "::1", "fe80::1", "fc00::1", "64:ff9b::a0a:2222",
    "224.0.0.1", "rubbish", "", "::ffff:10.0.0.1", "2002:a00:1::",
]) | st.ip_addresses().map(str), max_size=4).map(tuple)
FOUND = ANSWERS | st.sampled_from(["dns_nxdomain_error", TIMEOUT, "dns_refused_error"])
CUTS = st.dictionaries(st.sampled_from([HERE4, NEAR4, THERE4, HERE6]), st.tuples(
    st.sampled_from(["connect", "tls", "http"]), st.sampled_from([RESET, TIMEOUT, REFUSED, "eof_error"])))
URLS = ["https://{}/", "http://{}/", "tcpconnect://{}:5222", "tlshandshake://{}:443", "dnslookup:///{}"]


@settings(max_examples=120, deadline=None)
@given(st.fixed_dictionaries({c: FOUND for c in (*HONEST, "dark")}), CUTS, st.sampled_from(URLS), st.text(max_size=20),
       st.integers(0, 9), st.sampled_from([(4,), (4, 6), (6,)]))
def test_no_plan_leads_into_private_space_or_never_ends(
    dns: dict[str, Any], cuts: dict[str, Any], url: str, location: str, seed: int, families: tuple[int, ...],
) -> None:
    net = Net(dns=dns, cuts=cuts, both=6 in families, page={"status": 302, "location": location})
    net.told = lambda step: told(step.control_id, input=step.input, addresses=dns["dark"] if isinstance(
        dns["dark"], tuple) else ())
    site = site_of(endpoint(url.format(HOST)))
    frame = replace(FRAME, families=families)
    taken = walk(site, net, context=frame, rng=random.Random(seed))
    assert len(taken) < MAX_STEPS
    assert all(may_connect(v.address) for v in visits(taken))
    assert len(asked(taken)) == len(set(asked(taken)))
    assert all((6 if ":" in v.address else 4) in families for v in visits(taken))
    looks = 2  # an address may have been connected to, and shaken hands with, before it is tried in earnest
    assert all(v.attempt <= max(frame.attempts, frame.quick_attempts) + looks for v in visits(taken))


@settings(max_examples=40, deadline=None)
@given(st.fixed_dictionaries({c: FOUND for c in HONEST}), CUTS, st.integers(0, 12))
def test_the_same_book_gives_the_same_plan(dns: dict[str, Any], cuts: dict[str, Any], stop: int) -> None:
    book, site, net = ObservationLog("r"), site_of(), Net(dns=dns, cuts=cuts)
    walk(site, net, book=book)
    part = ObservationLog("r")
    part.restore(book.observations[:stop], book.controls[: stop // 4])
    first = plan_next_steps(site, part.history_of(site), FRAME)
    assert first == plan_next_steps(site, part.history_of(site), FRAME)
    again = ObservationLog("r")
    again.restore(book.observations[:stop], book.controls[: stop // 4])
    assert first == plan_next_steps(site, again.history_of(site), FRAME)


# ---- sites

def test_pages_of_one_host_are_one_site_and_ways_of_speaking_are_not() -> None:
    one, two = endpoint(), endpoint(f"https://{HOST}/b", target_id="chat.web.b")
    other_port, plain = endpoint(f"https://{HOST}:8443/"), endpoint(PLAIN)
    sites = group_sites([one, other_port, two, plain])
    assert [[e.input for e in s.endpoints] for s in sites] == [[one.input, two.input], [other_port.input], [PLAIN]]
    assert [s.sni for s in sites] == [HOST, HOST, ""]
    assert [s.proves_itself for s in sites] == [True, True, False]


def test_templates_are_filled_the_same_for_the_same_seed() -> None:
    name = "{rand16}.{cc}.example"
    template = endpoint("dnslookup:///{rand16}.{cc}.example", host=name)
    filled = expand_templates(template, cc="RU", seed=1)
    assert filled == expand_templates(template, cc="RU", seed=1)
    assert filled != expand_templates(template, cc="RU", seed=2)
    assert filled.host.endswith(".ru.example")
    assert "{" not in filled.input + filled.host
    assert expand_templates(template, cc="ZZ", seed=1).host.endswith(".us.example")
    assert expand_templates(endpoint(), cc="RU", seed=1) == endpoint()
