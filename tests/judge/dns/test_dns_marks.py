"""Who denied a name, by the marks of DNS: each innocent denial, and the made-up one that looks most like it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observations import HERE4, NEAR4, lookup
from probe.core.observations import Observation
from probe.core.replies import SoaRecord
from probe.core.tables.evidence_words import DenialMark
from probe.judge.dns.dns_evidence import gather_dns_evidence
from probe.judge.dns.dns_marks import (
    ResolverHabits,
    choose_zone,
    gather_resolver_habits,
    is_ancestor,
)

NAME = "www.chat.example"
TIMES_S = (10.0, 10.2, 10.4, 14.4)
"""Three attempts and, some seconds later, the question once more."""
ONE_CACHE = ResolverHabits(keeps_soas=True, ttls_fall=True)
UNKNOWN = ResolverHabits()


def soa(owner: str = "chat.example", ttl_s: int = 300, section: str = "authority") -> str:
    return f"{section}|{ttl_s}|900|2026010101|{owner}"


def denial(at_s: float, *soas: str, **changes: Any) -> Observation:
    plain: dict[str, Any] = dict(failure="dns_nxdomain_error", rcode="NXDOMAIN", name=NAME, t_s=at_s, t0_s=at_s - 0.05,
                                 query_type="A", soas=soas, dns_flags=("QR", "RD", "RA"), authority_records=len(soas))
    return lookup(**plain | changes)


def denials(*ttls_s: int, owner: str = "chat.example", **changes: Any) -> list[Observation]:
    """The attempts, and the question once more, with these TTLs; one TTL serves for all."""
    each = ttls_s if len(ttls_s) > 1 else ttls_s * len(TIMES_S)
    made = [denial(at_s, soa(owner, ttl_s), attempt=n, **changes)
            for n, (at_s, ttl_s) in enumerate(zip(TIMES_S, each, strict=True), start=1)]
    return _last_is_again(made)


def bare(*soas: str, **changes: Any) -> list[Observation]:
    """Denials with these records."""
    return _last_is_again([denial(at_s, *soas, attempt=n, **changes) for n, at_s in enumerate(TIMES_S, start=1)])


def _last_is_again(made: list[Observation]) -> list[Observation]:
    return [*made[:-1], replace(made[-1], purpose="again", attempt=1, input=NAME)]


def zone_question(name: str, *soas: str, rcode: str = "NOERROR") -> Observation:
    return lookup(name=name, purpose="zone", input=NAME, query_type="SOA", rcode=rcode, soas=soas, t_s=11.0,
                  authority_records=1, failure="" if rcode == "NOERROR" else "dns_nxdomain_error")


EMPTY: dict[str, Any] = dict(failure="dns_no_answer", rcode="NOERROR")
AA: dict[str, Any] = dict(authoritative=True)
HOME: dict[str, Any] = dict(resolver_address="192.168.1.1")
KNOWN_ZONE = zone_question(NAME, soa("chat.example", 900))
DENIED_ZONE = zone_question(NAME, soa(), rcode="NXDOMAIN")

MARKS: dict[str, tuple[list[Observation], ResolverHabits, DenialMark]] = {
    "a negative cache": (denials(300, 300, 300, 296), ONE_CACHE, "cached"),
    "a negative cache, with nothing known of the resolver": (denials(300, 300, 299, 295), UNKNOWN, "cached"),
    "its twin, whose TTL never falls": (denials(300), ONE_CACHE, "made_up"),
    "a resolver of many machines, each of which asked for itself": (denials(300), UNKNOWN, ""),
    "one of many machines, two of whose answers came from one": (denials(300, 120, 300, 296), UNKNOWN, "cached"),
    "a cache of an empty answer": (denials(60, 60, 60, 56, **EMPTY), ONE_CACHE, "cached"),
    "an empty answer that never grows older": (denials(60, **EMPTY), ONE_CACHE, "made_up"),
    "what could not be renewed is given for ever": (denials(30), ONE_CACHE, ""),
    "a denial that is not kept": (denials(0), ONE_CACHE, ""),
    "an old zone left behind at a provider": (denials(300, **AA), ONE_CACHE, "own_zone"),
    "a zone of the resolver's own, where the resolver itself finds the name": (
        [*denials(300, **AA), KNOWN_ZONE], ONE_CACHE, "made_up"),
    "and where it denies the zone as well": ([*denials(300, **AA), DENIED_ZONE], ONE_CACHE, "own_zone"),
    "a copy of the root": (denials(86400, owner="."), ONE_CACHE, "local_root"),
    "a denial by the root, where the resolver knows the zone": (
        [*denials(86400, owner="."), zone_question("example", soa("example", 900, "answer"))], ONE_CACHE, "made_up"),
    "a cached denial by the registry of a zone that is there again": (
        [*denials(900, 900, 900, 896, owner="example"), zone_question("chat.example", soa(section="answer"))],
        ONE_CACHE, "cached"),
    "a response policy zone": (bare(soa("rpz.provider.example", 60, "additional")), UNKNOWN, "made_up"),
    "a zone that is not above the name": (denials(300, owner="blocked.invalid"), UNKNOWN, "made_up"),
    "a zone of an alias's": (denials(300, 300, 300, 296, owner="edge.example", cnames=("a.edge.example",)), UNKNOWN,
                             "cached"),
    "a zone whose name ends alike": (denials(300, 300, 300, 296, owner="at.example"), UNKNOWN, "made_up"),
    "the name's own zone says that the name does not exist": (denials(300, owner=NAME), UNKNOWN, "made_up"),
    "the name's own zone has no address": (denials(300, 300, 300, 296, owner=NAME, **EMPTY), UNKNOWN, "cached"),
    "no zone signs, and this resolver keeps the zones of others": (bare(), ONE_CACHE, "made_up"),
    "no zone signs: this resolver may drop them all": (bare(), ResolverHabits(ttls_fall=True), ""),
    "no zone signs at a household's forwarder": (bare(**HOME), ONE_CACHE, ""),
    "no zone signs an empty answer, as of some load balancers": (bare(**EMPTY), ONE_CACHE, ""),
    "an old row": (bare(authority_records=-1), ONE_CACHE, ""),
    "a record that cannot be read": (bare("x"), ONE_CACHE, ""),
    "the name is there for a part of the questions": (
        [*denials(300), lookup(HERE4, name=NAME, t_s=15.0)], ONE_CACHE, ""),
}


@pytest.mark.parametrize("story", MARKS)
def test_the_marks_tell_who_denied(story: str) -> None:
    seen, habits, mark = MARKS[story]
    assert gather_dns_evidence(seen, habits=habits).denial == mark


@pytest.mark.parametrize(("owner", "zone"), [
    ("example", "chat.example"), ("chat.example", NAME), (".", "example"), (NAME, NAME), ("other.example", NAME),
    ("", NAME),
])
def test_the_zone_to_ask_for_is_the_one_that_the_denial_denies(owner: str, zone: str) -> None:
    assert choose_zone(NAME, bare(*([soa(owner)] if owner else []))) == zone


@pytest.mark.parametrize(("host", "zone"), [
    (NAME, "chat.example"), ("chat.example", "www.chat.example"), ("chat.co.uk", "www.chat.co.uk"), ("x", "www.x"),
])
def test_of_a_name_that_is_refused_the_zone_above_is_asked_for_or_a_name_beside_it(host: str, zone: str) -> None:
    assert choose_zone(host, [lookup(name=host, failure="dns_refused_error", rcode="REFUSED")]) == zone


@given(st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=4), st.text("ab.", max_size=9))
def test_the_zone_to_ask_for_lies_between_the_denying_one_and_the_name(labels: list[str], owner: str) -> None:
    host = ".".join(labels)
    zone = choose_zone(host, [denial(1.0, soa(owner))])
    assert is_ancestor(zone, host)
    assert zone


def innocent(at_s: float, ttl_s: int, **changes: Any) -> Observation:
    return lookup(HERE4, name="www.example.com", **dict[str, Any](
        purpose="yardstick", t_s=at_s, answer_ttl_s=ttl_s, query_type="A") | changes)


@pytest.mark.parametrize(("answers", "falls"), [
    ([innocent(1.0, 60), innocent(5.1, 56)], True), ([innocent(1.0, 60), innocent(5.1, 60)], False),
    ([innocent(1.0, 60), innocent(5.1, 17)], False), ([innocent(1.0, 60), innocent(1.2, 60)], False),
    ([innocent(1.0, 60), innocent(5.1, 56, query_type="AAAA")], False), ([innocent(1.0, 60)], False),
    ([replace(denial(1.0, soa(ttl_s=200)), purpose="yardstick"),
      replace(denial(5.1, soa(ttl_s=196)), purpose="yardstick")], True),
    ([innocent(1.0, 60, purpose="target"), innocent(5.1, 56, purpose="target")], False),
])
def test_a_resolver_with_one_cache_lets_an_innocent_ttl_fall(answers: list[Observation], falls: bool) -> None:
    assert gather_resolver_habits(answers).ttls_fall is falls


@pytest.mark.parametrize(("record", "keeps"), [(soa(), True), (soa("rpz.invalid"), False), ("", False)])
def test_a_resolver_keeps_zones_where_some_denial_had_one(record: str, keeps: bool) -> None:
    assert gather_resolver_habits(bare(*filter(None, [record]))).keeps_soas is keeps


def answer_from(resolver: Any, ip_ttl: int) -> Observation:
    return lookup(NEAR4, name="other.example", resolver=resolver, replies=(f"3.0|{ip_ttl}|NOERROR|QR RD RA|{NEAR4}",))


@pytest.mark.parametrize(("network", "public", "apart"), [
    ([61], [55], True), ([61], [61], False), ([61], [], False), ([61, 55], [55], False), ([-1], [55], False),
])
def test_two_resolvers_are_apart_where_their_replies_travel_differently(
        network: list[int], public: list[int], apart: bool) -> None:
    seen = [answer_from("network", ttl) for ttl in network] + [answer_from("public", ttl) for ttl in public]
    assert gather_resolver_habits(seen).apart is apart


def kept(resolver: Any, name: str, ttl_s: int) -> Observation:
    return lookup(HERE4, name=name, resolver=resolver, answer_ttl_s=ttl_s, t_s=2.0, query_type="A")


@pytest.mark.parametrize(("ttls_s", "one_cache", "apart"), [
    ([(60, 300), (280, 17), (5, 60)], True, True), ([(60, 300), (280, 17), (5, 60)], False, False),
    ([(60, 60), (280, 280), (5, 6)], True, False), ([(60, 300), (280, 17)], True, False),
    ([(60, 300), (280, 17), (5, 60), *[(60, 60)] * 4], True, False),
])
def test_two_resolvers_are_apart_where_they_keep_answers_apart(ttls_s: list[tuple[int, int]], one_cache: bool,
                                                               apart: bool) -> None:
    seen = [kept(resolver, f"n{n}.example", ttl_s) for n, pair in enumerate(ttls_s)
            for resolver, ttl_s in zip(("network", "public"), pair, strict=True)]
    seen += [innocent(1.0, 60), innocent(5.1, 56 if one_cache else 60)]
    assert gather_resolver_habits(seen).apart is apart


@given(st.lists(st.builds(SoaRecord, section=st.sampled_from(["", "answer", "authority", "additional"]),
                          ttl_s=st.integers(-1, 2**31), owner=st.text(max_size=8)), max_size=2),
       st.sampled_from(["NXDOMAIN", "NOERROR", ""]), st.text("chat.exmpl", max_size=12))
def test_any_denial_has_a_mark_or_none(soas: list[SoaRecord], rcode: str, name: str) -> None:
    seen = bare(rcode=rcode, name=name, soas=tuple(soas))
    assert gather_dns_evidence(seen, habits=ONE_CACHE).denial in ("", "cached", "own_zone", "local_root", "made_up")
