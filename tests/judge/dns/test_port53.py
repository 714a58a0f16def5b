"""What becomes of plain questions on their way, and of encrypted ones: injected, led astray, denied, blocked."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_net import FRAME, Net, walk
from observations import (
    DARK,
    EOF,
    HERE4,
    HOST,
    NEAR4,
    PRIVATE,
    RESET,
    THERE4,
    TIMEOUT,
    endpoint,
    lookup,
    operation,
    replace_flat,
    site_of,
)
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.resolvers import OPERATORS as NAMES
from probe.core.tables.resolvers import PUBLIC_RESOLVERS, UNASSIGNED_ADDRESS
from probe.core.tables.words import read_word
from probe.instruments.names.stream_lookups import read_framed
from probe.instruments.steps import Lookup
from probe.judge.common.rule import find_first_rule
from probe.judge.dns.dns_evidence import gather_dns_evidence
from probe.judge.dns.dns_rules import DNS_RULES
from probe.judge.dns.encrypted_dns import gather_encrypted_dns
from probe.judge.dns.name_context import NameEvidence
from probe.judge.dns.port53 import MALFORMED, gather_port53
from probe.session.planning.plan_context import PlanContext

TRUTH = lookup(THERE4, resolver="google")
NXDOMAIN: Final = "dns_nxdomain_error"


def dark(*answers: str, innocent: bool = False, server: str = DARK, reply: str = "") -> Observation:
    return lookup(*answers, resolver="dark", resolver_address=server, purpose="innocent" if innocent else "dark",
                  hostname="www.example.com" if innocent else HOST, failure="" if answers else TIMEOUT,
                  replies=(reply,) if reply else ())


REFERRAL, DENIAL = "9.0|50|NOERROR|QR|", "9.0|50|NXDOMAIN|QR RA|"


# ---- led astray, or injected

@pytest.mark.parametrize(("seen", "injected", "astray"), [
    pytest.param((dark(NEAR4), dark(innocent=True)), True, False, id="the forbidden name alone is answered"),
    pytest.param((dark(HERE4), dark(NEAR4, innocent=True)), False, True, id="all are answered, this one falsely"),
    pytest.param((dark(THERE4), dark(NEAR4, innocent=True)), False, False, id="all are answered truly"),
    pytest.param((dark(NEAR4), dark(NEAR4, innocent=True)), False, False, id="answered otherwise than here"),
    pytest.param((dark(), dark(NEAR4, innocent=True)), False, False, id="this one is not answered"),
    pytest.param((dark(HERE4), dark(innocent=True, reply=REFERRAL)), True, False, id="the root refers, as it should"),
    pytest.param((dark(HERE4), dark(innocent=True, reply=DENIAL)), False, True, id="no root server recurses"),
    pytest.param((dark(HERE4), dark(innocent=True, reply=REFERRAL, server=UNASSIGNED_ADDRESS)), False, True,
                 id="a reply from an address that nobody has"),
    pytest.param((dark(HERE4, server=UNASSIGNED_ADDRESS),
                  dark(innocent=True, reply="9.0|50|malformed X|RA|", server=UNASSIGNED_ADDRESS)),
                 True, False, id="rubbish is no reply"),
    pytest.param((dark(THERE4), dark(innocent=True)), False, False, id="the truth is no lie, if the innocent was lost"),
    pytest.param((dark(NEAR4, server=UNASSIGNED_ADDRESS), dark(innocent=True, reply=REFERRAL)), False, False,
                 id="the innocent name was asked of another address"),
    pytest.param((dark(HERE4),), False, False, id="no innocent name was asked for"),
    pytest.param((dark(), dark(HERE4, server=UNASSIGNED_ADDRESS), dark(innocent=True),
                  dark(NEAR4, innocent=True, server=UNASSIGNED_ADDRESS)),
                 False, True, id="an address that nobody has answers"),
])
def test_who_answers_where_no_resolver_is(seen: tuple[Observation, ...], injected: bool, astray: bool) -> None:
    e = gather_dns_evidence((lookup(HERE4), *seen, TRUTH))
    assert (e.dark_answered, e.port53.led_astray) == (injected, astray)


@pytest.mark.parametrize(("ttl", "near"), [("64", True), ("255", True), ("63", False), ("-1", False), ("x", False)])
def test_a_reply_that_passed_no_router_is_the_next_device_s(ttl: str, near: bool) -> None:
    seen = (dark(HERE4), dark(NEAR4, innocent=True, reply=f"1.0|{ttl}|NOERROR|QR RA|{NEAR4}"))
    assert gather_dns_evidence((lookup(HERE4), *seen, TRUTH)).port53.next_door == near


TEREDO = "2001::1f0d:4211"


@pytest.mark.parametrize(("first", "then", "injected"), [
    (f"3.0|54|NOERROR|QR|{TEREDO}", "60.0|49|NOERROR|QR|", True),
    (f"3.0|54|NOERROR|QR|{TEREDO}", "60.0|49|NXDOMAIN|QR|", False),
    (f"3.0|54|NOERROR|QR|{TEREDO}", f"60.0|49|NOERROR|QR|{TEREDO}", False),
    ("3.0|54|NOERROR|QR|2606:2800::1", "60.0|49|NOERROR|QR|", False),
    (f"3.0|54|NOERROR|QR|{PRIVATE}", "60.0|49|NOERROR|QR|", False),
])
def test_a_forged_address_of_a_family_that_the_name_has_not(first: str, then: str, injected: bool) -> None:
    answer = first.rpartition("|")[2]
    seen = lookup(answer, query_type="AAAA", replies=(first, then))
    assert gather_dns_evidence((lookup(THERE4), seen, TRUTH)).injected == injected


# ---- a denial before the answer

def told(*replies: str, attempt: int = 1, **changes: Any) -> Observation:
    return lookup(failure=NXDOMAIN, replies=replies, attempt=attempt, **changes)


DENIED, ANSWERED = "3.0|54|NXDOMAIN|QR|", f"60.0|49|NOERROR|QR|{THERE4}"


@pytest.mark.parametrize(("seen", "injected"), [
    pytest.param((told(DENIED, ANSWERED), told(DENIED, ANSWERED, attempt=2)), True, id="twice"),
    pytest.param((told(DENIED, ANSWERED), told(DENIED, ANSWERED, resolver="public")), True, id="at two resolvers"),
    pytest.param((told(DENIED, ANSWERED),), False, id="once: two resolvers behind one address may disagree"),
    pytest.param((told(DENIED), told(DENIED, attempt=2)), False, id="denied and no more"),
    pytest.param((told(DENIED, DENIED), told(DENIED, DENIED, attempt=2)), False, id="denied twice"),
    pytest.param((told(DENIED, f"60|49|NOERROR|QR|{HERE4}"), told(DENIED, f"60|49|NOERROR|QR|{HERE4}", attempt=2)),
                 False, id="then answered with what nobody trusted gives"),
    pytest.param((told("2100.0|54|NXDOMAIN|QR|", "2160|49|NOERROR|QR|" + THERE4),
                  told("2100.0|54|NXDOMAIN|QR|", "2160|49|NOERROR|QR|" + THERE4, attempt=2)), False,
                 id="after the question had been sent again"),
    pytest.param((told("3.0|54|SERVFAIL|QR|", ANSWERED), told("3.0|54|SERVFAIL|QR|", ANSWERED, attempt=2)), False,
                 id="a failure, then the answer"),
    pytest.param((told("3.0|54|NOERROR|QR|", ANSWERED), told("3.0|54|NOERROR|QR|", ANSWERED, attempt=2)), True,
                 id="no address, then the answer"),
])
def test_a_denial_that_the_answer_follows_was_injected(seen: tuple[Observation, ...], injected: bool) -> None:
    assert gather_dns_evidence((*seen, TRUTH)).injected == injected


@given(st.lists(st.text(max_size=30), max_size=4), st.text(max_size=10))
def test_any_replies_can_be_read(replies: list[str], text: str) -> None:
    seen = (told(*replies, text), told(*replies, attempt=2))
    assert gather_port53(seen, frozenset({THERE4}), frozenset()).injected in (True, False)


# ---- restricted modes

@pytest.mark.parametrize(("answer", "changes", "rule"), [
    (HERE4, {"fingerprint": "safe", "fingerprint_scope": "restricted"}, "dns/restricted_mode"),
    (HERE4, {"ede": ("16 by order",)}, "dns/restricted_mode"),
    (HERE4, {"ede": ("3 Stale Answer",)}, "dns/answered"),
    (HERE4, {}, "dns/answered"),
    (THERE4, {"fingerprint": "safe", "fingerprint_scope": "restricted"}, "dns/answered"),
    (HERE4, {"ede": ("17",), "fingerprint": "safe", "fingerprint_scope": "restricted"}, "dns/chosen_filter"),
    (HERE4, {"resolver_address": "192.168.1.1", "fingerprint": "safe", "fingerprint_scope": "restricted"},
     "dns/false_answer_of_near_resolver"),
])
def test_a_genuine_server_may_be_the_wrong_one(answer: str, changes: dict[str, Any], rule: str) -> None:
    e = gather_dns_evidence((lookup(answer, **changes), lookup(THERE4, resolver="public"), TRUTH), cc="XA")
    assert find_first_rule(DNS_RULES, NameEvidence(dns=e, validated=True)).id == rule


@pytest.mark.parametrize(("answer", "rule"), [(HERE4, "dns/restricted_mode"), (THERE4, "dns/answered")])
def test_a_restricted_mode_of_one_family_alone_is_one(answer: str, rule: str) -> None:
    six = "2606:2800::1"
    seen = (lookup(answer, fingerprint="safe", fingerprint_scope="restricted"), lookup(six, query_type="AAAA"),
            lookup(THERE4, resolver="public"), TRUTH, replace_flat(TRUTH, answers=(six,), query_type="AAAA"))
    e = gather_dns_evidence(seen, cc="XA")
    assert e.consistent
    assert find_first_rule(DNS_RULES, NameEvidence(dns=e, validated=True)).id == rule


# ---- over TCP

def over_tcp(*answers: str, failure: Failure = "", innocent: bool = False) -> Observation:
    return lookup(*answers, resolver="public", dns_engine="tcp", failure=failure, rcode="NOERROR" if answers else "",
                  purpose="innocent" if innocent else "target")


@pytest.mark.parametrize(("seen", "malformed"), [
    ((over_tcp(failure=MALFORMED), over_tcp(NEAR4, innocent=True)), True),
    ((over_tcp(failure=MALFORMED), over_tcp(failure=MALFORMED, innocent=True)), False),
    ((over_tcp(failure=MALFORMED),), False),
    ((over_tcp(failure=MALFORMED), over_tcp(HERE4), over_tcp(NEAR4, innocent=True)), False),
    ((over_tcp(failure=RESET), over_tcp(NEAR4, innocent=True)), False),
])
def test_a_reply_over_tcp_that_is_no_dns(seen: tuple[Observation, ...], malformed: bool) -> None:
    assert gather_dns_evidence((lookup(PRIVATE), *seen, TRUTH)).port53.tcp_malformed == malformed


@given(st.binary(max_size=40), st.integers(1, 7))
def test_a_message_is_taken_out_of_a_stream_of_any_pieces(body: bytes, piece: int) -> None:
    data = struct.pack(">H", len(body)) + body + b"more"

    def stream(of: bytes) -> Callable[[int], bytes]:
        left = bytearray(of)

        def recv(size: int) -> bytes:
            taken = bytes(left[: min(size, piece)])
            del left[: len(taken)]
            return taken

        return recv

    assert read_framed(stream(data)) == body
    with pytest.raises(OSError, match="closed"):
        read_framed(stream(data[: len(body) + 1]))


# ---- what is asked

def channels(net: Net, context: PlanContext) -> list[tuple[str, str]]:
    site = site_of(endpoint(f"dnslookup:///{HOST}"))
    return [(s.channel, s.server) for s in walk(site, net, context=context) if isinstance(s, Lookup)]


FULL = PlanContext(network_resolver=FRAME.network_resolver, public_resolver=FRAME.public_resolver, dark_server=DARK,
                   nowhere=UNASSIGNED_ADDRESS, doh=("google", "cloudflare"), dot=("adguard", "google", "cloudflare"))
WELL: dict[str, tuple[str, ...] | str] = {c: (HERE4,) for c in ("system", "network", "public", "doh", "dot", "tcp")}


@pytest.mark.parametrize(("doh", "dot"), [
    ((HERE4,), []), (NXDOMAIN, []), (TIMEOUT, ["adguard", "google"]), (RESET, ["adguard", "google"]),
])
def test_dot_stands_in_for_doh_where_it_is_blocked(doh: tuple[str, ...] | str, dot: list[str]) -> None:
    taken = channels(Net(dns=WELL | {"doh": doh}), FULL)
    assert [server for channel, server in taken if channel == "dot"] == dot


def test_addresses_without_resolvers_are_asked_where_an_answer_is_false_alone() -> None:
    assert not [c for c, _ in channels(Net(dns=WELL), FULL) if c == "dark"]
    taken = channels(Net(dns=WELL | {"network": (PRIVATE,), "system": (PRIVATE,)}), FULL)
    assert sorted(server for channel,
                  server in taken if channel == "dark") == sorted([DARK, DARK, UNASSIGNED_ADDRESS, UNASSIGNED_ADDRESS])


def test_an_innocent_name_is_asked_over_tcp_where_the_reply_is_no_dns() -> None:
    false = WELL | {"network": (PRIVATE,), "system": (PRIVATE,)}
    assert [c for c, _ in channels(Net(dns=false), FULL)].count("tcp") == 1
    assert [c for c, _ in channels(Net(dns=false | {"tcp": MALFORMED}), FULL)].count("tcp") == 2


# ---- encrypted DNS

def dot(resolver: str, failure: Failure = "", rcode: str = "") -> Observation:
    return lookup(*(() if failure else (HERE4,)), resolver=read_word(resolver, NAMES), dns_engine="dot",
                  failure=failure, rcode=rcode, purpose="ladder")


def handshake(host: str, failure: Failure = "", address: str = HERE4, **changes: Any) -> Observation:
    return operation("tls_handshake", address, failure, hostname=host, purpose="ladder", **changes)


OPERATORS = [o for o in PUBLIC_RESOLVERS if o.doh_host]
ALIVE = [operation("connect", hostname=OPERATORS[0].doh_host, purpose="ladder"), operation("connect", port=5222),
         handshake("one.example"), handshake("two.example", address=NEAR4)]
TWICE = [dot(o.name, RESET) for o in OPERATORS for _ in range(2)]


@pytest.mark.parametrize(("seen", "word"), [
    pytest.param([], "unasked", id="never asked"),
    pytest.param([*ALIVE, dot("google")], "ok", id="it works"),
    pytest.param([*ALIVE, *TWICE], "blocked", id="every operator, again and again"),
    pytest.param([*ALIVE, *TWICE, dot("google", NXDOMAIN, rcode="NXDOMAIN")], "ok", id="a denial is an answer"),
    pytest.param([*ALIVE, *TWICE[::2]], "failing", id="once each"),
    pytest.param([*ALIVE, *TWICE[:2]], "failing", id="one operator"),
    pytest.param([*ALIVE, *TWICE[:-1], dot(OPERATORS[-1].name, EOF)], "failing", id="not alike"),
    pytest.param([*ALIVE[:1], *ALIVE[2:], *TWICE], "failing", id="no unusual port is open"),
    pytest.param([*ALIVE[1:], *TWICE], "failing", id="no operator is reached"),
])
def test_dot_is_blocked_for_what_it_is_or_not(seen: list[Observation], word: str) -> None:
    assert gather_encrypted_dns(seen, well=True).dot == word
    assert gather_encrypted_dns(seen, well=False).dot == ("failing" if word == "blocked" else word)


REFUSED = [x for o in OPERATORS[:2] for x in (
    handshake(o.doh_host, TIMEOUT),
    lookup(resolver=read_word(o.name, NAMES), dns_engine="doh", failure=TIMEOUT, purpose="ladder"))]


@pytest.mark.parametrize(("seen", "word"), [
    ([*ALIVE], "unasked"), ([*ALIVE, handshake(OPERATORS[0].doh_host)], "ok"), ([*ALIVE, *REFUSED], "blocked"),
    ([*ALIVE, *REFUSED[:2]], "failing"), ([*ALIVE[:3], *REFUSED], "failing"),
    ([*ALIVE, *REFUSED, handshake(OPERATORS[2].doh_host)], "ok"),
])
def test_doh_is_blocked_for_what_it_is_or_not(seen: list[Observation], word: str) -> None:
    found = gather_encrypted_dns(seen, well=True)
    assert found.doh == word
    assert found.blocked == (word == "blocked")
