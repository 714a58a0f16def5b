"""How far the network reaches: each rung from its observations, and no alarm without positive evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observations import HERE4, HERE6, REFUSED, THERE4, TIMEOUT, lookup, operation, replace_flat
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.purposes import Purpose
from probe.core.tables.run_words import Gateway
from probe.judge.common.rule import find_first_rule
from probe.judge.network.ladder_evidence import LadderEvidence, format_ladder, gather_ladder_evidence
from probe.judge.network.network_rules import NETWORK_RULES

PAGES = ("http://a.example/", "http://b.example/", "http://c.example/")
OPERATORS = {PAGES[0]: "a", PAGES[1]: "b", PAGES[2]: "c"}


def page(url: str, *, failure: Failure | Literal["connect"] = "", met: str = "yes", **changes: Any) -> Observation:
    if failure == "connect":
        return operation("connect", failure=TIMEOUT, purpose="ladder", input=url, sni="")
    return operation("http_round_trip", failure=failure, purpose="ladder", input=url, url=url, sni="",
                     met_expectation="" if failure else met, **changes)


def shake(failure: Failure = "", trust: str = "", url: str = "", **changes: Any) -> Observation:
    plain: dict[str, Any] = {"purpose": "ladder", "input": url, "trust": trust or ("" if failure else "valid")}
    return operation("tls_handshake", failure=failure, **plain | changes)


def resolver(failure: Failure = "") -> Observation:
    return lookup(*(() if failure else (HERE4,)), failure=failure, purpose="ladder", name="www.example.com")


def test_two_working_controls_make_a_network_that_is_well() -> None:
    e = gather_ladder_evidence([page(PAGES[0]), page(PAGES[1]), page(PAGES[2], failure="connect"), resolver(), shake()])
    assert (e.foreign_ok, e.foreign_failed, e.tls_ok, e.resolver) == (3, 1, 1, "ok")
    assert e.well


def test_one_site_over_tls_is_one_site() -> None:
    url = "https://a.example/"
    e = gather_ladder_evidence([shake(url=url), page(url)])
    assert e.foreign_ok == 1
    assert not e.well


def test_a_control_works_when_any_attempt_at_it_did() -> None:
    e = gather_ladder_evidence([page(PAGES[0], failure="connection_reset"), page(PAGES[0])])
    assert (e.foreign_ok, e.foreign_failed) == (1, 0)


def test_what_serves_targets_is_no_rung() -> None:
    seen = [operation("http_round_trip"), operation("tls_handshake", purpose="innocent"), lookup(failure=TIMEOUT)]
    assert gather_ladder_evidence(seen) == LadderEvidence(passes=True)


@pytest.mark.parametrize(("changes", "no_name_passes"), [
    (dict(port=443), False), (dict(port=443, purpose="innocent"), False), (dict(port=5222), True),
    (dict(port=443, failure="connection_reset", server_hello=False), True),
    (dict(port=443, purpose="program"), True), (dict(port=443, sni=""), True),
])
def test_whether_any_name_passes_is_asked_of_the_port_of_the_references(
    changes: dict[str, Any], no_name_passes: bool,
) -> None:
    """STARTTLS on a port of its own passes firewalls that read first packets alone."""
    references = [operation("tls_handshake", f"9.9.9.{n}", "connection_reset", purpose="ladder", port=443)
                  for n in range(2)]
    shaken = operation("tls_handshake", "5.5.5.5", **{"purpose": "target", "sni": "www.example.org"} | changes)
    e = gather_ladder_evidence([*references, shaken])
    assert (e.tls_failed, e.no_name_passes) == (2, no_name_passes)


# ---- captive portals need positive evidence

PORTAL: dict[str, Any] = {"met": "no", "status": 302, "location": "http://portal.example/login?from=x"}


@pytest.mark.parametrize(("seen", "altered"), [
    pytest.param([page(PAGES[0], **PORTAL), page(PAGES[1], **PORTAL)], 2, id="both lead to one portal"),
    pytest.param([page(PAGES[0], **PORTAL), page(PAGES[1])], 0, id="one of two"),
    pytest.param([page(u, met="no", body_sha256="same") for u in PAGES], 3, id="one body for all"),
    pytest.param([page(u, met="no", body_sha256=u) for u in PAGES], 0, id="each its own error page"),
    pytest.param([page(u, met="no", status=503) for u in PAGES], 0, id="empty errors of three servers"),
    pytest.param([page(u, failure="connection_reset") for u in PAGES], 0, id="no answer at all"),
    pytest.param([page(u, met="no", location="http://[") for u in PAGES], 0, id="a Location that is no URL"),
    pytest.param([page(u, **PORTAL | {"location": u.replace("http", "https")}) for u in PAGES], 0,
                 id="each to its own https"),
])
def test_a_portal_is_one_place_behind_several_operators(seen: list[Observation], altered: int) -> None:
    e = gather_ladder_evidence(seen, operators=OPERATORS)
    assert e.altered == altered
    assert not (e.altered and e.well)
    assert (find_first_rule(NETWORK_RULES, e).block_type == "local.captive_portal") == (altered >= 2)


def test_two_pages_of_one_operator_are_one_witness() -> None:
    e = gather_ladder_evidence([page(PAGES[0], **PORTAL), page(PAGES[1], **PORTAL)],
                               operators=dict.fromkeys(PAGES, "a"))
    assert e.altered == 0


# ---- at home and abroad

def test_an_island_is_seen_also_when_its_own_sites_speak_tls() -> None:
    home = "https://home.example/"
    abroad = [page(u, failure="connect") for u in PAGES]
    e = gather_ladder_evidence([shake(url=home), page(home), *abroad], domestic=frozenset({home}))
    assert (e.domestic_ok, e.foreign_ok, e.foreign_failed) == (1, 0, 3)
    assert find_first_rule(NETWORK_RULES, e).block_type == "network.national_only"


@pytest.mark.parametrize(("gateway", "cause"), [
    ("answers", "network.shutdown"), ("silent", "local.offline"), ("unknown", "network"), ("none", "network"),
])
def test_when_nothing_answers_the_gateway_says_who_is_cut_off(gateway: Gateway, cause: str) -> None:
    e = gather_ladder_evidence([*(page(u, failure="connect") for u in PAGES), resolver(TIMEOUT)], gateway=gateway)
    assert find_first_rule(NETWORK_RULES, e).block_type == cause


# ---- resolver, clock, IPv6, re-signing

@pytest.mark.parametrize(("failures", "word"), [
    ([], "unasked"), (["", TIMEOUT], "ok"), ([TIMEOUT, TIMEOUT], "dead"), ([REFUSED, TIMEOUT], "dead"),
    (["dns_servfail_error", TIMEOUT], "failing"), (["dns_nxdomain_error"], "failing"),
])
def test_the_resolver_is_judged_by_innocent_names(failures: list[Failure], word: str) -> None:
    assert gather_ladder_evidence([resolver(f) for f in failures]).resolver == word


@pytest.mark.parametrize(("offsets", "wrong"), [
    ([], False), ([1.0, 2.0], False), ([9e6, 9e6 + 60], True), ([-9e6, -9e6, 0.0], True),
    ([9e6], False), ([0.0, 9e6], False), ([0.0, 0.0, 9e6], False), ([2e5, 5e5], False),
])
def test_the_clock_is_wrong_only_when_servers_agree(offsets: list[float], wrong: bool) -> None:
    e = gather_ladder_evidence([page(PAGES[0], clock_offset_s=o) for o in offsets])
    assert e.clock_wrong == wrong


@pytest.mark.parametrize(("seen", "has_ipv6", "word"), [
    ([], False, "absent"), ([], True, "unknown"), ([TIMEOUT, ""], True, "ok"), ([TIMEOUT, TIMEOUT], True, "broken"),
    ([REFUSED, TIMEOUT], True, "unknown"),
])
def test_ipv6_is_broken_when_no_address_of_it_answers(seen: list[Failure], has_ipv6: bool, word: str) -> None:
    six = [operation("connect", HERE6, f, purpose="ladder", input="") for f in seen]
    four, dead = (operation("connect", HERE4, f, purpose="ladder", input="") for f in ("", TIMEOUT))
    assert gather_ladder_evidence([four, *six], has_ipv6=has_ipv6).ipv6 == word
    assert gather_ladder_evidence([dead, *six], has_ipv6=has_ipv6).ipv6 == word.replace("broken", "unknown")


def test_re_signed_innocents_speak_and_are_counted() -> None:
    seen = [shake("ssl_unknown_authority", trust="unknown_issuer"), shake("connection_reset"), shake()]
    e = gather_ladder_evidence(seen)
    assert (e.tls_ok, e.tls_failed, e.resigned) == (2, 1, 1)


def test_the_ladder_is_written_one_word_a_rung() -> None:
    words = format_ladder(LadderEvidence(link=False, clock_offset_s=9e7, foreign_ok=1, foreign_failed=2))
    assert words == ("link:down", "tunnel:none", "gateway:unknown", "resolver:unasked", "domestic:unasked",
                     "foreign:1/3", "tls:unasked", "ipv6:absent", "clock:wrong")


# ---- lines that are narrow or slow

def large(took_s: float = 0.4, **changes: Any) -> Observation:
    return operation("http_round_trip", bytes_read=20_000, t0_s=1.0, t_s=1.0 + took_s, purpose="target", **changes)


def stall(address: str, purpose: Purpose = "target", **changes: Any) -> Observation:
    return operation("tls_handshake", address, TIMEOUT, purpose=purpose, acked="yes", **changes)


STALLS = [stall(f"93.184.6.{n}") for n in range(3)]
HUSH = operation("http_round_trip", "93.184.6.0", TIMEOUT, purpose="target", acked="yes", url="https://chat.example/")


@pytest.mark.parametrize(("seen", "narrow", "hushed"), [
    ([], False, False), (STALLS, True, False), (STALLS[:2], False, False), ([*STALLS, large()], False, False),
    ([*STALLS, HUSH], True, True), ([*STALLS, stall(THERE4, "ladder")], True, True), ([*STALLS[:2], HUSH], False, True),
    ([replace_flat(o, acked="no") for o in [*STALLS, HUSH]], False, False),
    ([*STALLS, replace_flat(HUSH, url="http://chat.example/")], True, False),
])
def test_a_line_is_narrow_where_nothing_large_arrives_and_several_stall(
        seen: list[Observation], narrow: bool, hushed: bool) -> None:
    e = gather_ladder_evidence(seen)
    assert (e.narrow, e.hushed) == (narrow, hushed)


@pytest.mark.parametrize(("seen", "starves"), [
    ([large()], False), ([large(5.0)], True), ([large(5.0), large()], False), ([large(), *STALLS], False),
    ([large(), stall(THERE4, "innocent")], True), ([large(), stall(HERE4, "innocent")], False),
    ([large(), stall(THERE4, "ladder")], True), ([large(), stall(THERE4, "innocent", tainted_by="r.1")], False),
])
def test_silence_is_the_lines_where_innocents_wait_as_well(seen: list[Observation], starves: bool) -> None:
    assert gather_ladder_evidence(seen).starves(HERE4) == starves


def test_a_line_that_is_slow_for_all_is_said_to_be() -> None:
    e = gather_ladder_evidence([large(6.0), *STALLS, page(PAGES[0]), page(PAGES[1]), resolver(), shake()])
    assert find_first_rule(NETWORK_RULES, e).block_type == "network.degraded"


SEEN = st.builds(
    operation, st.sampled_from(["connect", "tls_handshake", "http_round_trip"]), st.sampled_from([HERE4, HERE6]),
    st.sampled_from(["", TIMEOUT, "connection_reset"]), purpose=st.sampled_from(["ladder", "target"]),
    input=st.sampled_from(["", *PAGES]), met_expectation=st.sampled_from(["", "yes", "no"]),
    location=st.text(max_size=20), body_sha256=st.text(max_size=2),
    clock_offset_s=st.none() | st.floats(-1e9, 1e9),
)


@given(st.lists(SEEN, max_size=8), st.frozensets(st.sampled_from(PAGES)), st.booleans())
def test_any_observations_make_a_ladder(seen: list[Observation], domestic: frozenset[str], has_ipv6: bool) -> None:
    e = gather_ladder_evidence(seen, domestic=domestic, operators=OPERATORS, has_ipv6=has_ipv6)
    assert e.altered == 0 or e.altered >= 2
    assert e.resigned <= e.tls_ok
    assert len(format_ladder(e)) == 9


def carried(address: str, size: int, took_s: float, purpose: Purpose = "sample") -> Observation:
    return Observation(operation="transfer", purpose=purpose, address=address, bytes_read=size, t_s=took_s)


def test_a_line_on_which_every_transfer_crawls_is_slow() -> None:
    slow = [carried(f"93.184.6.{n}", 60_000, 6.0) for n in range(3)]
    assert gather_ladder_evidence(slow).crawls
    assert gather_ladder_evidence(slow).slow
    assert not gather_ladder_evidence(slow[:2]).crawls
    assert not gather_ladder_evidence([*slow, carried("93.184.6.9", 131_072, 0.8, "yardstick")]).crawls
    assert not gather_ladder_evidence([replace(o, purpose="target") for o in slow]).crawls


def test_over_ipv6_pinned_addresses_tell_only_where_there_is_nothing_else() -> None:
    six = operation("connect", failure=TIMEOUT, purpose="ladder", input="", family=6, address=HERE6)
    four = operation("connect", purpose="ladder", input="", family=4, address=HERE4)
    assert gather_ladder_evidence([six]).foreign_failed == 1
    assert gather_ladder_evidence([six, four]).foreign_failed == 0
