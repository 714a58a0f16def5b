"""IPv4 behind IPv6: the prefix that a network shows, addresses in both directions, and a run that goes that way."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_net import FRAME, Net, walk
from observations import HOST, PRIVATE, THERE4, lookup, operation, site_of, told
from probe.core.addresses import may_connect
from probe.core.nat64 import KNOWN_NAME, extract_ipv4, find_nat64_prefix, to_public_address, to_translated_address
from probe.core.tables.failures import Failure
from probe.instruments.steps import AskControl, Visit
from probe.judge.dns.dns_evidence import gather_dns_evidence
from probe.judge.network.ladder_evidence import LadderEvidence, gather_ladder_evidence
from probe.session.context_making import adapt_context, choose_reachable_address

RFC_6052 = {
    "2001:db8::/32": "2001:db8:c000:221::",
    "2001:db8:100::/40": "2001:db8:1c0:2:21::",
    "2001:db8:122::/48": "2001:db8:122:c000:2:2100::",
    "2001:db8:122:300::/56": "2001:db8:122:3c0:0:221::",
    "2001:db8:122:344::/64": "2001:db8:122:344:c0:2:2100:0",
    "2001:db8:122:344::/96": "2001:db8:122:344::192.0.2.33",
}
"""The examples of RFC 6052 section 2.4, all of 192.0.2.33."""
OURS = "2a00:1:2:3::/96"


@pytest.mark.parametrize(("prefix", "address"), RFC_6052.items())
def test_the_standards_own_examples(prefix: str, address: str) -> None:
    assert ipaddress.ip_address(to_translated_address("192.0.2.33", prefix)) == ipaddress.ip_address(address)
    assert extract_ipv4(address, prefix) == "192.0.2.33"


@given(st.ip_addresses(v=4), st.sampled_from(sorted(RFC_6052)))
def test_there_and_back(address: ipaddress.IPv4Address, prefix: str) -> None:
    assert extract_ipv4(to_translated_address(str(address), prefix), prefix) == str(address)
    assert find_nat64_prefix([to_translated_address("192.0.0.170", prefix)]) == prefix


@given(st.text(max_size=40))
def test_any_text_may_be_asked_about(text: str) -> None:
    assert isinstance(extract_ipv4(text), str)
    assert to_public_address(text) or not text
    assert find_nat64_prefix([text]) == "" or ":" in text


def test_addresses_that_are_no_translated_ones() -> None:
    assert find_nat64_prefix(["2606:2800::1", "9.9.9.9", ""]) == ""
    assert to_translated_address("2606:2800::1", OURS) == "2606:2800::1"
    assert to_public_address("2606:2800::1", OURS) == "2606:2800::1"
    with pytest.raises(ValueError, match="lengths"):
        to_translated_address("9.9.9.9", "2a00::/33")


@pytest.mark.parametrize("hidden", ["10.0.0.1", "127.0.0.1", "169.254.169.254"])
def test_private_space_behind_the_translator_is_private(hidden: str) -> None:
    assert not may_connect(to_translated_address(hidden, OURS), OURS)
    assert not may_connect(to_translated_address(hidden, "64:ff9b::/96"))


# ---- the ladder

def rung(family: int, failure: Failure = "") -> list[object]:
    address = "93.184.4.4" if family == 4 else "2606:2800::9"
    connect = operation("connect", address, failure, purpose="ladder", input="", family=family)
    shake = operation("tls_handshake", address, "", purpose="ladder", input="", family=family, trust="valid")
    return [connect] if failure else [connect, shake]


@pytest.mark.parametrize(("rungs", "word", "tls_ok"), [
    ([*rung(4), *rung(6)], "ok", 1),
    ([*rung(4, "generic_timeout_error"), *rung(6)], "broken", 1),
    ([*rung(4, "generic_timeout_error"), *rung(6, "generic_timeout_error")], "unknown", 0),
    (rung(6), "unknown", 1),
])
def test_ipv4_is_broken_where_ipv6_alone_answers(rungs: list[object], word: str, tls_ok: int) -> None:
    e = gather_ladder_evidence(rungs, has_ipv6=True)  # type: ignore[arg-type]
    assert (e.ipv4, e.tls_ok) == (word, tls_ok)


def test_the_prefix_is_read_from_the_known_name() -> None:
    shown = replace(lookup(to_translated_address("192.0.0.171", OURS), name=KNOWN_NAME), purpose="ladder")
    assert gather_ladder_evidence([shown]).nat64_prefix == OURS
    assert gather_ladder_evidence([shown]).resolver == "unasked"
    assert gather_ladder_evidence([replace(shown, hostname=HOST)]).nat64_prefix == ""


SIX_ONLY = LadderEvidence(ipv4="broken", ipv6="ok", nat64_prefix=OURS)


def test_a_network_of_ipv6_alone_is_gone_through() -> None:
    frame = adapt_context(replace(FRAME, families=(4, 6)), SIX_ONLY)
    assert frame.families == (6,)
    assert frame.public_resolver == to_translated_address(FRAME.public_resolver, OURS)
    assert choose_reachable_address("9.9.9.9", frame) == to_translated_address("9.9.9.9", OURS)
    assert choose_reachable_address("", frame) == ""
    assert choose_reachable_address("9.9.9.9", replace(frame, nat64_prefix="")) == ""


def test_a_network_that_has_both_is_left_as_it_is() -> None:
    frame = replace(FRAME, families=(4, 6))
    assert adapt_context(frame, LadderEvidence(ipv4="ok", ipv6="ok")) == frame
    assert adapt_context(frame, LadderEvidence(ipv4="unknown", ipv6="broken")) == frame
    assert choose_reachable_address("9.9.9.9", frame) == "9.9.9.9"


def test_translated_answers_agree_with_what_others_say() -> None:
    seen = [lookup(to_translated_address(THERE4, OURS)), lookup(THERE4, resolver="google")]
    assert gather_dns_evidence(seen, nat64_prefix=OURS).agrees
    assert not gather_dns_evidence(seen).agrees


def test_a_lie_is_a_lie_behind_the_translator() -> None:
    seen = [lookup(to_translated_address(PRIVATE, OURS)), lookup(THERE4, resolver="google")]
    assert gather_dns_evidence(seen, nat64_prefix=OURS).bogus


def test_controls_are_asked_about_the_address_that_they_know() -> None:
    behind = to_translated_address(THERE4, OURS)
    frame = adapt_context(replace(FRAME, families=(4, 6)), SIX_ONLY)
    dns = dict.fromkeys(("system", "network", "public", "tcp", "doh"), (behind,))
    net = Net(dns=dns, cuts={behind: ("connect", "generic_timeout_error")}, told=lambda step: told(
        step.control_id, input=step.input, tcp=((f"{THERE4}:443", ""),)))
    taken = walk(site_of(), net, context=frame)
    assert {s.addresses for s in taken if isinstance(s, AskControl)} == {(THERE4,)}
    assert {s.address for s in taken if isinstance(s, Visit)} == {behind}
