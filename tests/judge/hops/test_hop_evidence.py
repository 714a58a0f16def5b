"""At which hop something acts, and whether that lies before the service's own door: what the rows of a search say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observations import HERE4, HERE6, HOST, OTHER, TIMEOUT, WELL, endpoint, observation, path, replace_flat
from probe.core.icmp_errors import IcmpError
from probe.core.observations import Observation
from probe.judge.common.rule import Decision
from probe.judge.hops.hop_door import DOOR_HOPS
from probe.judge.hops.hop_evidence import (
    NOWHERE,
    HopLocation,
    anonymize_icmp,
    classify_address_space,
    classify_icmp_scope,
    classify_router_space,
    locate_interference,
)
from probe.judge.hops.hop_lines import find_first_sign, list_packets
from probe.judge.path.path_context import PathContext, PathRule
from probe.judge.path.path_evidence import PathEvidence
from probe.judge.path.path_rules import PATH_RULES
from probe.judge.verdicts.rule_verdict import make_path_verdict

SPACES = {"p": "private", "c": "carrier", "o": "public", "s": "service", "-": ""}


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
    "the end of the way, or a box that waits for the answer": (search("pooo", 5, at=RESETS, end=5), "", "unknown"),
    "the innocent name reaches the server": (search("pooo-", 5, at=RESETS, control=("answered",)), "", "unknown"),
    "silence where the innocent name is acknowledged": (search("pooo-", 5, at=QUIET, control=("acked",)), "",
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
    assert found.where in ("", "unknown")  # each was looked at once


# ---- before the service's door, or at it

def looks(place: int, word: str, *, times: int = 3, acked: bool = False, left_out: int = 0) -> list[Observation]:
    """Flows that meet `word` at a hop, and nothing one hop before."""
    met = [f"{place} acked 9.0"] * acked + ([f"{place} silent"] * 2 if word == "silent" else [f"{place} {word} 9.0"])
    return [row(HOST, *([f"{place - 1} exceeded 9.0"] if place > 1 else []), *met, attempt=2 * n,
                left_out_bytes=left_out) for n in range(1, times + 1)]


def innocent(place: int, *, served: int = 0, times: int = 3, acted: bool = False) -> list[Observation]:
    """Flows that go five hops beyond, or to the server."""
    last = min(place + 5, served or 99)
    replies = [f"{ttl} {'acked 40.0' if ttl == served else 'exceeded 9.0'}"
               for ttl in range(max(1, place - 1), last + 1)]
    if acted:
        replies = [*([f"{place - 1} exceeded 9.0"] if place > 1 else []), f"{place} reset 9.0"]
    return [row(OTHER, *replies, attempt=2 * n + 1)
            for n in range(1, times + 1)]


def syns(opened: int, *, trip_ms: float = 40.0) -> Observation:
    """Routers that SYNs run out at, and where one is accepted."""
    return row("", *(f"{ttl} exceeded 9.0 r{ttl}" for ttl in range(1, opened)), f"{opened} open {trip_ms}")


def early(rows: list[Observation]) -> list[Observation]:
    """The first of them was made before anything else was said."""
    return [replace(rows[0], t0_s=-1.0), *rows[1:]]


def reference(routers: str, *, address: str = "5.6.7.8") -> Observation:
    """A path to another owner; each letter but `-` is a router that our way has at that hop as well."""
    heard = [f"{ttl} exceeded 9.0 {'r' if shared == 'r' else 'x'}{ttl}"
             for ttl, shared in enumerate(routers, 1) if shared != "-"]
    return observation(operation="trace", purpose="reference", address=address, port=443, family=4,
                       replies=(*heard, f"{len(routers) + 1} open 9.0"))


FAR = "pooooooooooo"
SURE = [way(FAR, end=13), *looks(3, "reset"), *innocent(3)]
PLACES: dict[str, tuple[list[Observation], str, str]] = {
    "three resets where three innocent flows go on": (SURE, "2-3", "before"),
    "three silences": ([way(FAR, end=13), *looks(3, "silent"), *innocent(3)], "3", "before"),
    "at the first router": ([way(FAR, end=13), *looks(1, "silent"), *innocent(1)], "1", "before"),
    "what an address answers to datagrams is not known": ([way(FAR), *looks(3, "reset"), *innocent(3)], "2-3",
                                                          "before"),
    "the whole question, of which the first segment passes": ([
        way(FAR, end=13), *(replace(o, trace=replace(o.trace, left_out_bytes=500)) for o in [
            row(HOST, *(f"{ttl} exceeded 9.0" for ttl in range(1, 8)))]), *looks(3, "reset"), *innocent(3)],
        "2-3", "before"),
    "two that agree": ([way(FAR, end=13), *looks(3, "reset", times=2), *innocent(3)], "2-3", "unknown"),
    "two innocent ones": ([way(FAR, end=13), *looks(3, "reset"), *innocent(3, times=2)], "2-3", "unknown"),
    "three that do not agree": ([*SURE, *looks(3, "closed", times=1)], "", "unknown"),
    "innocent flows are reset, too": ([way(FAR, end=13), *looks(3, "reset"), *innocent(3, acted=True)], "2-3",
                                      "unknown"),
    "innocent flows are reset, too, but for one that came before all": (
        [way(FAR, end=13), syns(13), *looks(3, "reset"), *early(innocent(3, times=1)),
         *innocent(3, times=2, acted=True)], "2-3", "before"),
    "the same as late as the server answers": (
        [way(FAR, end=13), syns(13, trip_ms=9.0), *looks(3, "reset"), *early(innocent(3, times=1)),
         *innocent(3, times=2, acted=True)], "2-3", "unknown"),
    "the same, and nothing tells how late the server answers": (
        [way(FAR, end=13), *looks(3, "reset"), *early(innocent(3, times=1)), *innocent(3, times=2, acted=True)], "2-3",
        "unknown"),
    "a server that bans ends whatever it accepts": (
        [way(FAR, end=13), syns(13, trip_ms=9.2), *looks(1, "reset"), *early(innocent(1, acted=True))], "1", "unknown"),
    "innocent flows are reset, too, where no SYN is accepted yet": (
        [way(FAR, end=13), syns(13), *looks(3, "reset"), *innocent(3, acted=True)], "2-3", "before"),
    "SYNs are accepted there": ([way(FAR), syns(3), *looks(3, "reset"), *innocent(3, acted=True)], "", "unknown"),
    "SYNs are accepted soon after": ([way(FAR), syns(5), *looks(3, "reset"), *innocent(3, acted=True)], "2-3",
                                     "door"),
    "that one was reset as well": ([way(FAR, end=13), *looks(3, "reset"), *early(innocent(3, acted=True))], "2-3",
                                   "unknown"),
    "innocent flows are reset nearer": (
        [way(FAR, end=13), *looks(3, "reset"), *early(innocent(3, times=1)), row(OTHER, "2 reset 9.0", "3 reset 9.0")],
        "2-3", "unknown"),
    "the second router before the address": ([way("pooooooo", end=9), *looks(7, "reset"), *innocent(7, served=9)],
                                             "4-7", "door"),
    "where others pass as well": ([way("pooooooo", end=9), *looks(7, "reset"), *innocent(7, served=9),
                                   reference("rrrrrrrx")], "4-7", "before"),
    "in the nearer half, where no way to others is known": (
        [way("pooooooo", end=9), *looks(4, "reset"), *innocent(4, served=9)], "3-4", "before"),
    "a third of the way before the server, where none is known": (
        [way("pooooooo", end=9), *looks(6, "reset"), *innocent(6, served=9)], "4-6", "door"),
    "where others do not pass": ([way("pooooooo", end=9), *looks(6, "reset"), *innocent(6, served=9),
                                  reference("rrrrrxx")], "4-6", "door"),
    "innocent bytes tell how near the server is": ([way("pooooooo"), *looks(7, "reset"), *innocent(7, served=9)],
                                                   "4-7", "door"),
    "nothing is heard beyond": ([way("poo---"), *looks(5, "reset"), *innocent(5, served=0, times=0),
                                 *[row(OTHER, "4 silent", "5 silent")] * 3], "3-5", "unknown"),
    "in the service's own network": ([way("posssooooooo", end=13), *looks(3, "reset"), *innocent(3)], "2-3",
                                     "door"),
    "before the service's own network": ([way("poossooooooo", end=13), *looks(3, "reset"), *innocent(3)], "2-3",
                                         "before"),
    "others pass there": ([*SURE, reference("rrrrx")], "2-3", "before"),
    "others pass only before": ([*SURE, reference("rrxxx")], "2-3", "door"),
    "one of two others passes": ([*SURE, reference("rrxx"), reference("rrrr", address="9.8.7.6")], "2-3", "before"),
    "only a neighbour of the service passes": ([*SURE, reference("rrxx"), reference("rrrrr", address="93.184.9.9")],
                                               "2-3", "door"),
    "others whose routers keep silent": ([*SURE, reference("-----")], "2-3", "before"),
    "a carrier ends TCP itself": ([way(FAR, end=13), *looks(3, "reset"), *innocent(3, served=3)], "", "unknown"),
    "the server, as it seems, on a whole question": ([way("poooo"), *looks(6, "reset", acked=True),
                                                      *innocent(6, served=6)], "", "unknown"),
    "the server, on a question that has no answer": ([way("poooo"), *looks(6, "reset", acked=True, left_out=1),
                                                      *innocent(6, served=6)], "end", "end"),
    "one that was never seen acknowledged": ([way("poooo"), *looks(6, "reset", left_out=1), *innocent(6, served=6)],
                                             "", "unknown"),
    "twice": ([way("poooo"), *looks(6, "reset", acked=True, left_out=1, times=2), *innocent(6, served=6)], "",
              "unknown"),
    "innocent bytes are served one hop before": ([way("poooo"), *looks(6, "reset", acked=True, left_out=1),
                                                  *innocent(6, served=5)], "", "unknown"),
    "at a server, but routers are heard beyond": ([way("poooooo"), *looks(6, "reset", acked=True, left_out=1),
                                                   *innocent(6, served=6)], "", "unknown"),
    "silence at the server": ([way("poooo"), *looks(6, "silent"), *innocent(6, served=6)], "", "unknown"),
    "an answer of the server": ([way("poooo"), *looks(6, "answered", acked=True), *innocent(6, served=6)], "",
                                "unknown"),
    "a page in its place": ([way(FAR, end=13), *looks(3, "answered"), *innocent(3)], "2-3", "before"),
}


@pytest.mark.parametrize(("rows", "hop", "where"), PLACES.values(), ids=PLACES)
def test_what_lies_before_the_services_door(rows: list[Observation], hop: str, where: str) -> None:
    found = locate_interference(rows, HOST, address=HERE4, port=443)
    assert (found.hop, found.where) == (hop, where)


@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from(["reset", "closed", "answered", "silent"]),
       st.integers(0, 4), st.integers(0, 4), st.integers(0, 2))
def test_a_server_and_its_door_are_never_called_before_it(place: int, end: int, word: str, times: int, others: int,
                                                          left_out: int) -> None:
    served = end if end >= place else 0
    rows = [way("p" + "o" * 11), *looks(place, word, times=times, left_out=left_out),
            *innocent(place, served=served, times=others)]
    found = locate_interference(rows, HOST, address=HERE4, port=443)
    assert found.where != "before" or (min(times, others) >= 3 and (not served or place < served - DOOR_HOPS))


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
    pytest.param(questions(dict.fromkeys(range(9, 20), 55), control=9), "", "unknown", id="where the resolver is"),
    pytest.param(questions(dict.fromkeys(range(2, 20), 60), control=2), "", "unknown", id="it answers everybody"),
    pytest.param(questions(dict.fromkeys(range(6, 20), 60), spaces="poo", end=0), "", "unknown", id="no end is known"),
    pytest.param(questions({}, control=9), "", "unknown", id="no answer"),
])
def test_who_answers_questions_that_cannot_arrive(rows: list[Observation], hop: str, scope: str) -> None:
    found = locate_interference(rows, HOST)
    assert (found.hop, found.scope) == (hop, scope)


@pytest.mark.parametrize(("rows", "where"), [
    pytest.param(questions(dict.fromkeys(range(4, 20), 60), control=9), "before", id="from the fourth hop"),
    pytest.param(questions(dict.fromkeys(range(7, 20), 60), control=9), "unknown", id="at the resolver's door"),
    pytest.param(questions({4: 60, 5: 60}, control=9), "unknown", id="two answers"),
    pytest.param(questions({ttl: ttl - 6 for ttl in range(7, 20)}, control=9), "before", id="a copied TTL"),
    pytest.param(questions(dict.fromkeys(range(4, 20), 60), control=9)[:2], "unknown", id="nobody else was asked for"),
    pytest.param(questions({}, control=9), "unknown", id="no answer"),
])
def test_forged_answers_come_from_before_the_resolvers_door(rows: list[Observation], where: str) -> None:
    assert locate_interference(rows, HOST).where == where


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


def test_a_router_beside_the_address_may_be_the_services() -> None:
    assert classify_router_space("93.184.200.1", "93.184.0.1") == "service"
    assert classify_router_space("93.185.0.1", "93.184.0.1") == "public"
    assert classify_router_space("10.0.0.1", "10.0.0.2") == "private"


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
