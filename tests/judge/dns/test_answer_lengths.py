"""Lengths of answers over UDP: of those that came, and of one that never came."""

from __future__ import annotations

import dns.message
import dns.rrset
import pytest

from observations import NEAR4, observation
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.judge.dns.answer_lengths import estimate_shortest, find_longest_reply

HOST = "chat.example"
CHAINS: tuple[tuple[str, ...], ...] = ((), ("edge.front.example",), ("a" * 60 + ".example", "b.net.example"))
A = ("192.0.2.1", "192.0.2.2", "192.0.2.3")
AAAA = ("2001:db8::1", "2001:db8::2")


def lookup(kind: str = "A", answers: tuple[str, ...] = A, cnames: tuple[str, ...] = (), *, engine: str = "udp",
           failure: Failure = "", rcode: str = "NOERROR", bytes_read: int = 0) -> Observation:
    return observation(operation="dns_round_trip", hostname=HOST, dns_engine=engine, resolver="network",
                       query_type=kind, answers=answers, cnames=cnames, failure=failure, rcode=rcode,
                       bytes_read=bytes_read)


def wire_bytes(kind: str, answers: tuple[str, ...], cnames: tuple[str, ...]) -> int:
    """What a name server would send."""
    question = dns.message.make_query(HOST, kind, use_edns=0)
    reply = dns.message.make_response(question)
    owner = HOST
    for name in cnames:
        reply.answer.append(dns.rrset.from_text(owner + ".", 60, "IN", "CNAME", name + "."))
        owner = name
    reply.answer.append(dns.rrset.from_text(owner + ".", 60, "IN", kind, *answers))
    return len(reply.to_wire())


@pytest.mark.parametrize("chain", CHAINS, ids=len)
@pytest.mark.parametrize(("kind", "answers"), [("A", A), ("AAAA", AAAA), ("A", A[:1])])
def test_what_never_came_is_no_longer_than_estimated_and_what_came_no_shorter(
        kind: str, answers: tuple[str, ...], chain: tuple[str, ...]) -> None:
    real = wire_bytes(kind, answers, chain)
    assert find_longest_reply([lookup(kind, answers, chain)]) <= real
    assert real <= estimate_shortest([lookup(kind, answers, chain, engine="doh")]) <= real + 64


@pytest.mark.parametrize(("seen", "longest"), [
    ([], 0),
    ([lookup(bytes_read=120), lookup(bytes_read=300)], 300),
    ([lookup(failure="dns_nxdomain_error", rcode="NXDOMAIN", answers=(), bytes_read=140)], 140),
    ([lookup(failure="dns_servfail_error", rcode="SERVFAIL", answers=(), bytes_read=140)], 0),
    ([lookup(failure="generic_timeout_error", rcode="", answers=())], 0),
    ([lookup(engine="doh", bytes_read=900)], 0),
])
def test_only_answers_over_udp_are_measured(seen: list[Observation], longest: int) -> None:
    assert find_longest_reply(seen) == longest


def test_the_shorter_of_both_families_counts_as_the_longest_of_those_who_told_it() -> None:
    long6 = lookup("AAAA", AAAA, CHAINS[2], engine="doh")
    assert estimate_shortest([long6]) > estimate_shortest([long6, lookup(engine="doh")])
    assert estimate_shortest([lookup(engine="doh"), lookup(answers=(NEAR4,), engine="dot")]) == estimate_shortest(
        [lookup(engine="doh")])
    assert estimate_shortest([lookup(answers=(), failure="dns_no_answer", engine="doh")]) == 0
