"""Addresses that a network gives for services that have nothing to do with each other."""

from __future__ import annotations

import pytest

from observations import BEYOND4, ELSEWHERE, HERE4, HERE6, THERE4
from probe.catalogue.owners import ServiceAt
from probe.judge.dns.dns_evidence import NameAnswers
from probe.judge.dns.shared_answers import find_shared_answers

Names = list[tuple[str, tuple[str, ...]]]
"""Service, and the addresses that trusted resolvers give for a name of it; the network gives HERE4 for each."""
META, SIGNAL, SLACK = "157.240.1.1", "15.197.251.99", "52.1.1.1"
FAR6 = "2a00:1450::5"

CASES: dict[str, tuple[Names, bool]] = {
    "three services": ([("a", (THERE4,)), ("b", (ELSEWHERE,)), ("c", (BEYOND4,))], True),
    "two services": ([("a", (THERE4,)), ("b", (ELSEWHERE,))], False),
    "three names of two services": ([("a", (THERE4,)), ("a", (ELSEWHERE,)), ("b", (BEYOND4,))], False),
    "two at home with one provider": ([("a", (THERE4,)), ("b", ("151.101.200.1",)), ("c", (BEYOND4,))], False),
    "four, two of them with one provider": (
        [("a", (THERE4,)), ("b", ("151.101.200.1",)), ("c", (BEYOND4,)), ("d", (ELSEWHERE,))], True),
    "families apart": ([("a", (THERE4,)), ("b", (FAR6,)), ("c", (HERE6,))], True),
    "one family of two that is shared": ([("a", (THERE4, FAR6)), ("b", (FAR6,)), ("c", (BEYOND4,))], False),
    "a home that nobody knows": ([("a", (THERE4,)), ("b", ()), ("c", (BEYOND4,))], False),
    "where one of them is at home": (
        [("a", (THERE4,)), ("b", (ELSEWHERE,)), ("c", (BEYOND4,)), ("d", (HERE4,))], False),
    "one with the networks of two others": (
        [("a", (THERE4, ELSEWHERE)), ("b", (THERE4,)), ("c", (ELSEWHERE,)), ("d", (BEYOND4,))], True),
    "three services of one owner": (
        [("facebook", (THERE4,)), ("whatsapp", (ELSEWHERE,)), ("instagram", (BEYOND4,))], False),
    "two of one owner, and two more": (
        [("facebook", (META,)), ("whatsapp", (ELSEWHERE,)), ("b", (THERE4,)), ("c", (BEYOND4,))], True),
    "two behind one front": ([("signal", (SIGNAL,)), ("slack", (SLACK,)), ("c", (THERE4,))], False),
    "two with one host of zones": ([("discord", (THERE4,)), ("matrix", (META,)), ("c", (BEYOND4,))], False),
    "nobody": ([], False),
}


def told(service: str, home: tuple[str, ...]) -> tuple[ServiceAt, NameAnswers]:
    return (ServiceAt(service=service, addresses=frozenset(home)),
            NameAnswers(network=frozenset({HERE4}), trusted=frozenset(home)))


@pytest.mark.parametrize("what", CASES)
def test_three_unrelated_owners_have_one_false_address(what: str) -> None:
    names, shared = CASES[what]
    all_told = [told(service, home) for service, home in names]
    assert find_shared_answers(all_told) == (frozenset({HERE4}) if shared else frozenset())
    assert find_shared_answers(reversed(all_told)) == find_shared_answers(all_told)
