"""At which hop a name is interfered with: what searches say, how they are made, and when the planner wants one."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_net import FRAME, Net, walk
from observations import (
    HERE4,
    HERE6,
    HOST,
    OTHER,
    PRIVATE,
    RESET,
    TIMEOUT,
    WELL,
    endpoint,
    observation,
    path,
    replace_flat,
    site_of,
)
from probe.core.icmp_errors import IcmpError
from probe.core.observations import Observation
from probe.core.tables.protocols import LocateKind
from probe.core.tables.purposes import Purpose
from probe.inference.evidence.hop_evidence import (
    NOWHERE,
    HopLocation,
    anonymize_icmp,
    classify_address_space,
    classify_icmp_scope,
    find_first_sign,
    list_packets,
    locate_interference,
)
from probe.inference.evidence.path_evidence import PathEvidence
from probe.inference.rules.path_context import PathContext, PathRule
from probe.inference.rules.path_rules import PATH_RULES
from probe.inference.rules.rule import Decision
from probe.inference.verdicts.rule_verdict import make_path_verdict
from probe.measurement.clock import start_clock
from probe.measurement.hops.locate import MAX_FLOWS, locate_hop
from probe.measurement.planning.steps import AskControl, LocateHop, Lookup, Visit
from probe.measurement.session.pacer import TLS_WINDOW_S, Pacer, must_wait_for, spoils_address

HONEST: dict[str, tuple[str, ...] | str] = dict.fromkeys(("system", "network", "public", "tcp", "doh"), (HERE4,))
SPACES = {"p": "private", "c": "carrier", "o": "public", "-": ""}


def row(name: str, *replies: str, attempt: int = 1, port: int = 443, **changes: Any) -> Observation:
    plain = observation(operation="trace", purpose="locate", address=HERE4, port=port, hostname=name, replies=replies,
                        attempt=attempt, family=4)
    return replace_flat(plain, **changes)


def way(spaces: str, *, end: int = 0, **changes: Any) -> Observation:
    """The routers, each by the letter of its address space, `-` for one that keeps silent."""
    heard = [f"{ttl} exceeded 9.0 r{ttl} {SPACES[s]}" if s != "-" else f"{ttl} silent"
             for ttl, s in enumerate(spaces, 1)]
    return row("", *heard, *([f"{end} end 9.0 here public"] if end else []), **changes)


def held(name: str, ttl: int, *words: str) -> Observation:
    return row(name, *(f"{ttl} {word}" if word == "silent" else f"{ttl} {word} 9.0" for word in words))


def search(spaces: str, place: int, *, at: tuple[str, ...], below: tuple[str, ...] = ("exceeded",) * 3,
           control: tuple[str, ...] = ("exceeded",) * 3, end: int = 0) -> list[Observation]:
    """The rows of a search in the handshake that found its first sign at `place`."""
    rising = row(HOST, *(f"{ttl} exceeded 9.0" for ttl in range(1, place)), f"{place} {at[-1]} 9.0")
    lower = [held(HOST, place - 1, *below)] if place > 1 else []
    return [way(spaces, end=end), rising, held(HOST, place, *at), *lower, held(OTHER, place, *control)]


RESETS, QUIET = ("reset",), ("silent",) * 3
CASES: dict[str, tuple[list[Observation], str, str]] = {
    "reset by the first router, a household's": (search("pooooo", 1, at=RESETS), "1", "lan"),
    "dropped by the first router": (search("pooooo", 1, at=QUIET), "1", "lan"),
    "a first router with a public address": (search("oooooo", 1, at=RESETS), "1", "unknown"),
    "a first router that is a carrier's": (search("ccoooo", 1, at=QUIET), "1", "access"),
    "between the household and its provider": (search("pooooo", 2, at=RESETS), "2", "access"),
    "the first public router, but the service may stand behind it": (search("poo", 2, at=RESETS), "2", "unknown"),
    "in the carrier's own space": (search("pccooo", 3, at=QUIET), "3", "access"),
    "private further out: a company's or a provider's": (search("pppooo", 2, at=QUIET), "2", "unknown"),
    "far out, and silent": (search("pooooo", 5, at=QUIET), "5", "beyond_access"),
    "far out, with resets": (search("pooooo", 5, at=RESETS), "3-5", "beyond_access"),
    "resets whose TTL may be copied straddle the border": (search("pcoooo", 4, at=RESETS), "3-4", "unknown"),
    "far out where no router is private": (search("oooooo", 5, at=QUIET), "5", "unknown"),
    "a page is served in its place": (search("pooooo", 2, at=("answered",)), "2", "access"),
    "the end of the way": (search("pooo", 5, at=RESETS, end=5), "end", "unknown"),
    "the innocent name reaches the server": (search("pooo-", 5, at=RESETS, control=("answered",)), "end", "unknown"),
    "silence where the innocent name is acknowledged": (search("pooo-", 5, at=QUIET, control=("acked",)), "end",
                                                        "unknown"),
    "the innocent name is reset as well, and routers go on": (search("pooooo", 3, at=RESETS, control=RESETS), "2-3",
                                                              "unknown"),
    "the innocent name is reset as well, and nobody is heard": (search("poo---", 5, at=RESETS, control=RESETS), "",
                                                                "unknown"),
    "everything keeps silent there": (search("poo---", 4, at=QUIET, control=QUIET), "", "unknown"),
    "one hop less is reset, too": (search("pooooo", 4, at=RESETS, below=RESETS), "", "unknown"),
    "one hop less keeps silent, too": (search("pooooo", 4, at=QUIET, below=QUIET), "", "unknown"),
    "the second look shows nothing": (search("pooooo", 4, at=("exceeded",) * 3), "", "unknown"),
    "nobody looked": ([], "", "unknown"),
    "only the way is known": ([way("poooo")], "", "unknown"),
    "a connection that failed": ([way("pooo"), replace(held(HOST, 1, "reset"), failure=TIMEOUT)], "", "unknown"),
    "another name's": ([replace(o, hostname=o.hostname.replace(HOST, "third.example"))
                        for o in search("pooooo", 1, at=RESETS)], "", "unknown"),
    "silent routers before": (search("p-ooo", 2, at=RESETS, below=("exceeded",)), "2", "unknown"),
}


@pytest.mark.parametrize(("rows", "hop", "scope"), CASES.values(), ids=CASES)
def test_where_a_name_is_cut_off(rows: list[Observation], hop: str, scope: str) -> None:
    found = locate_interference(rows, HOST, address=HERE4, port=443)
    assert (found.hop, found.scope) == (hop, scope)


def questions(answered: dict[int, int], *, control: int = 0, spaces: str = "pooooooo",
              end: int = 9) -> list[Observation]:
    """A search with DNS questions: TTL -> IP TTL of the answer, and the TTL from which the innocent one is answered."""
    own = tuple(f"{ttl} answered 9.0 - - {answered[ttl]}" if ttl in answered else f"{ttl} silent"
                for ttl in range(1, 20))
    other = tuple(f"{ttl} answered 9.0 - - 55" if control and ttl >= control else f"{ttl} silent"
                  for ttl in range(1, 20))
    return [way(spaces, end=end, port=53), row(HOST, *own, port=53), row(OTHER, *other, port=53)]


@pytest.mark.parametrize(("rows", "hop", "scope"), [
    pytest.param(questions(dict.fromkeys(range(4, 20), 60), control=9), "4", "beyond_access", id="from the fourth hop"),
    pytest.param(questions({ttl: ttl - 6 for ttl in range(7, 20)}, control=9), "4", "beyond_access", id="a copied TTL"),
    pytest.param(questions({ttl: ttl - 12 for ttl in range(13, 20)}, control=9), "7", "beyond_access",
                 id="a copied TTL that is seen beyond the resolver only"),
    pytest.param(questions({4: -1}, control=9), "3-4", "beyond_access", id="the answer's TTL is not known"),
    pytest.param(questions(dict.fromkeys(range(9, 20), 55), control=9), "end", "unknown", id="the resolver itself"),
    pytest.param(questions(dict.fromkeys(range(2, 20), 60), control=2), "end", "unknown", id="it answers everybody"),
    pytest.param(questions(dict.fromkeys(range(6, 20), 60), spaces="poo", end=0), "", "unknown", id="no end is known"),
    pytest.param(questions({}, control=9), "", "unknown", id="no answer"),
])
def test_who_answers_questions_that_cannot_arrive(rows: list[Observation], hop: str, scope: str) -> None:
    found = locate_interference(rows, HOST)
    assert (found.hop, found.scope) == (hop, scope)


@given(st.integers(1, 12), st.integers(1, 12), st.booleans())
def test_a_place_is_never_nearer_than_what_was_seen_and_holds_the_box(hop: int, more: int, copies: bool) -> None:
    end = hop + more
    answered = {ttl: ttl - 2 * hop + 2 if copies else 61 - hop for ttl in range(hop, 20)
                if not copies or ttl - 2 * hop + 2 > 0}
    found = locate_interference(questions(answered, control=end, spaces="o" * (end - 1), end=end), HOST)
    assert not found.most or found.least <= hop <= found.most


@given(st.lists(st.text(max_size=30), max_size=8), st.sampled_from([53, 443]))
def test_any_text_can_be_a_reply(replies: list[str], port: int) -> None:
    rows = [row(name, *replies, port=port) for name in ("", HOST, OTHER)]
    assert locate_interference(rows, HOST).scope in ("lan", "access", "beyond_access", "unknown")
    assert find_first_sign([list_packets(rows[1])], list_packets(rows[0])) >= 0


def test_a_first_sign_is_an_act_or_two_hops_of_silence_where_others_are_heard() -> None:
    routers = list_packets(way("poooo", end=6))
    assert find_first_sign([list_packets(row(HOST, "1 exceeded 1", "2 exceeded 1", "3 reset 1"))], routers) == 3
    assert find_first_sign([list_packets(row(HOST, "1 exceeded 1", "2 silent", "3 silent", "4 silent"))], routers) == 2
    assert find_first_sign([list_packets(row(HOST, "1 exceeded 1", "2 silent", "3 exceeded 1", "4 silent"))],
                           routers) == 0
    assert find_first_sign([list_packets(row(HOST, "1 exceeded 1", "2 silent", "3 silent"))],
                           list_packets(way("p----"))) == 0
    assert find_first_sign([list_packets(row(HOST, "5 exceeded 1", "6 silent", "7 silent"))], routers) == 6


@pytest.mark.parametrize(("address", "space"), [
    ("192.168.1.1", "private"), ("10.0.0.1", "private"), ("100.64.0.1", "carrier"), ("100.128.0.1", "public"),
    ("93.184.0.1", "public"), ("fd00::1", "private"), ("fe80::1", "private"), (HERE6, "public"), ("", ""), ("x", ""),
])
def test_the_space_of_an_address(address: str, space: str) -> None:
    assert classify_address_space(address) == space


@pytest.mark.parametrize(("sender", "stored"), [
    ("192.168.1.1", "private"), ("100.70.1.1", "carrier"), ("2a02:4780:0:11::7", "public"),
    ("93.184.0.1", "service"), ("", ""), ("fe80::1", "private"),
])
def test_who_sent_an_icmp_error_is_stored_without_an_address(sender: str, stored: str) -> None:
    """It may be this device itself, or a router that has an address of the household's own network."""
    icmp = IcmpError(type=3, code=1, sender=sender)
    assert anonymize_icmp(icmp, "93.184.0.1") == replace(icmp, sender=stored)
    assert anonymize_icmp(None, "93.184.0.1") is None


def prohibited_by(sender: str) -> IcmpError:
    return IcmpError(type=3, code=13, sender=sender)


def test_an_icmp_error_from_the_carriers_space_shows_the_access_network_and_a_private_one_nothing() -> None:
    assert {classify_icmp_scope(prohibited_by(sender)) for sender in ("carrier", "100.70.1.1")} == {"access"}
    others = [None, *map(prohibited_by, ("10.0.0.1", "93.184.7.7", ""))]
    assert {classify_icmp_scope(icmp) for icmp in others} == {"unknown"}


# ---- verdicts

BLOCK = next(rule for rule in PATH_RULES if rule.id == "tls/reset_sni_control")
WELL_RULE = next(rule for rule in PATH_RULES if rule.id == "tls/proven")


def by(rule: PathRule, seen: PathEvidence) -> Decision[PathContext]:
    return Decision(rule=rule, table=PATH_RULES, evidence=PathContext(path=seen, ladder=WELL), basis="place")


def test_only_a_block_has_a_place() -> None:
    there = path(located=HopLocation(least=1, most=1, scope="lan"))
    blocked = make_path_verdict(endpoint(), by(BLOCK, there))
    assert (blocked.scope, blocked.hop) == ("lan", "1")
    assert make_path_verdict(endpoint(), by(WELL_RULE, there)).scope == "unknown"
    told = path(located=NOWHERE, icmp=prohibited_by("100.70.1.1"))
    assert make_path_verdict(endpoint(), by(BLOCK, told)).scope == "access"


# ---- the planner

LEVEL3 = replace(FRAME, consent_level=3)


def searches(net: Net, *, frame: Any = LEVEL3, url: str = f"https://{HOST}/") -> list[LocateHop]:
    return [s for s in walk(site_of(endpoint(url)), net, context=frame) if isinstance(s, LocateHop)]


def test_a_name_that_alone_is_cut_off_is_looked_for_once_after_the_innocent_name_was_asked_again() -> None:
    net = Net(dns=HONEST, cuts={HERE4: ("tls", RESET)})
    taken = walk(site_of(), net, context=LEVEL3)
    (found,) = (s for s in taken if isinstance(s, LocateHop))
    assert (found.kind, found.address, found.port, found.name) == ("tls", HERE4, 443, HOST)
    again = [s for s in taken if isinstance(s, Visit) and s.purpose == "residual"]
    assert len(again) == 1
    assert taken.index(again[0]) < taken.index(found)


@pytest.mark.parametrize("level", [1, 2])
def test_nobody_is_looked_for_without_conpackets_of(level: int) -> None:
    assert not searches(Net(dns=HONEST, cuts={HERE4: ("tls", RESET)}), frame=replace(FRAME, consent_level=level))


@pytest.mark.parametrize("net", [
    Net(dns=HONEST), Net(dns=HONEST, cuts={HERE4: ("connect", TIMEOUT)}),
    Net(dns=HONEST, cuts={HERE4: ("tls", RESET)}, innocent_cuts={HERE4: ("tls", RESET)}),
    Net(dns=HONEST, cuts={HERE4: ("tls", "ssl_unknown_authority")}, cut_shake={"trust": "self_signed"}),
], ids=["well", "no connection", "the innocent name fares alike", "a bad certificate"])
def test_nothing_is_looked_for_where_the_name_does_not_decide(net: Net) -> None:
    assert not searches(net)


def test_forged_answers_are_looked_for_where_nobody_could_answer() -> None:
    net = Net(dns={**dict.fromkeys(("system", "network", "public", "dark"), (PRIVATE,)), "doh": (HERE4,)})
    found = [s for s in searches(net) if s.kind == "dns"]
    assert [(s.address, s.recursion, s.port) for s in found] == [(FRAME.dark_server, False, 53)]


# ---- the gate

SEARCH = LocateHop(kind="tls", address=HERE4, port=443, name=HOST, control_name=OTHER, input="x")


def going_to(purpose: Purpose = "target", address: str = HERE4, port: int = 443) -> Visit:
    return Visit(purpose=purpose, address=address, port=port, hostname=HOST, sni=HOST)


def test_what_may_spoil_an_address_waits_for_whoever_is_yet_to_go_there() -> None:
    again = going_to("residual")
    assert spoils_address(SEARCH)
    assert spoils_address(again)
    assert not spoils_address(going_to())
    for late in (SEARCH, again):
        assert must_wait_for(going_to(port=80), late, 0.0)
        assert must_wait_for(Lookup(channel="system", name=OTHER), late, 0.0)
        assert must_wait_for(AskControl(control_id="a", input="x", addresses=()), late, 0.0)
        assert not must_wait_for(going_to(address="93.184.3.3"), late, 0.0)
        assert not must_wait_for(again, late, 0.0)
    slot = replace(going_to(), not_before_s=240.0)
    assert must_wait_for(slot, SEARCH, 1.0)
    assert not must_wait_for(slot, again, 1.0)


def test_a_search_has_its_address_for_itself_and_leaves_it_time_to_calm_down() -> None:
    gate = Pacer(interval_s=0, rng=random.Random(1))
    gate.start(going_to(), 0.0)
    gate.end(going_to(), 1.0)
    assert gate.ready_at_s(SEARCH, 1.0) == TLS_WINDOW_S
    gate.start(SEARCH, 10.0)
    assert gate.ready_at_s(going_to(port=8443), 11.0) is None
    gate.end(SEARCH, 30.0)
    assert gate.ready_at_s(going_to(), 30.0) == 30.0 + TLS_WINDOW_S


def test_a_visit_of_the_future_waits_for_its_time() -> None:
    gate = Pacer(interval_s=0, rng=random.Random(1))
    assert gate.ready_at_s(replace(going_to("residual"), not_before_s=40.0), 1.0) == 40.0


# ---- the kernel

@contextmanager
def server(*, forbidden: bytes) -> Iterator[int]:
    """A server that resets whoever names the forbidden, and answers others."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(4 * MAX_FLOWS)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.settimeout(5)
                        if forbidden in connection.recv(4096):
                            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))
                        else:
                            connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28")

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("kind", ["tls", "http"])
def test_a_server_that_resets_a_name_itself_is_the_end_of_the_way(kind: LocateKind) -> None:
    with server(forbidden=HOST.encode()) as port:
        plan = LocateHop(kind=kind, address="127.0.0.1", port=port, name=HOST, control_name=OTHER, input="x",
                         together=True)
        seen = locate_hop(plan, clock=start_clock(None), key=b"k")
    flows = [o for o in seen if o.hostname]
    assert 0 < len(flows) <= MAX_FLOWS
    assert {o.hostname: o.trace.lines[-1].word for o in flows} == {HOST: "reset", OTHER: "answered"}
    assert locate_interference(seen, HOST, address="127.0.0.1", port=port).hop == "end"
    assert "127.0.0.1" not in repr([o.trace for o in seen])


def test_a_port_that_is_closed_is_a_failure_and_no_place() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        plan = LocateHop(kind="tls", address="127.0.0.1", port=closed.getsockname()[1], name=HOST, control_name=OTHER,
                         input="x", together=True)
        seen = locate_hop(plan, clock=start_clock(None), key=b"k")
    assert [o.failure for o in seen] == ["", "connection_refused"]
    assert locate_interference(seen, HOST) == NOWHERE
