"""HTTPS records: whose hints are false, who forges them, and what of them does not arrive."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_net import FRAME, Net, walk
from observations import DARK, HERE4, HOST, PRIVATE, TIMEOUT, endpoint, lookup, site_of
from probe.core.observations import Observation
from probe.core.tables.resolvers import HTTPS, UNASSIGNED_ADDRESS
from probe.instruments.steps import Lookup
from probe.judge.common.rule import decide
from probe.judge.dns.dns_evidence import gather_dns_evidence
from probe.judge.dns.dns_rules import NAME_TABLE
from probe.judge.dns.https_evidence import describe_https
from probe.judge.dns.name_context import NameEvidence, find_name_bases
from probe.session.context_making import HTTPS_COMPARED, choose_https_compared

TRUE, KEYS, BARE = "1|0|1 4|h2|.", "1|71|1 4 5|h2|.", "1|0|1|h2|."
BESIDE4, FALSE4 = "93.184.0.99", "64.13.192.76"


def https(*answers: str, record: str = "", **changes: Any) -> Observation:
    """The network resolver's answer to the question for the name's HTTPS record."""
    found = lookup(*answers, **{"purpose": "https", "query_type": HTTPS, "https_records": (record,) if record else (),
                                "rcode": "NOERROR", **changes})
    return found if answers or not record else lookup(**{
        "purpose": "https", "query_type": HTTPS, "https_records": (record,), "rcode": "NOERROR", "failure": "",
        **changes})


def twice(first: str, *later: str, late_ms: float = 30.0) -> Observation:
    """One question with two replies."""
    return https(first, record=TRUE, replies=(f"5.0|50|NOERROR|QR|{first}",
                                              f"{late_ms}|50|NOERROR|QR|{' '.join(later)}"))


def dark(*answers: str, innocent: bool = False, server: str = DARK, **changes: Any) -> Observation:
    return https(*answers, **{"resolver": "dark", "resolver_address": server, "input": HOST,
                              "name": "www.example.com" if innocent else HOST,
                              "failure": "" if answers else TIMEOUT, **changes})


PLAIN = (lookup(HERE4), lookup(HERE4, resolver="public"))
TOLD = lookup(HERE4, resolver="google")
TOLD_BARE, TOLD_HINT = https(resolver="google", record=BARE, failure=""), https(HERE4, resolver="google", record=TRUE)
REFERRED = dark(innocent=True, replies=("9.0|50|NOERROR|QR|",))
SERVED = dark(innocent=True, replies=("9.0|50|NOERROR|QR RA|",))


@pytest.mark.parametrize(("seen", "rule"), [
    pytest.param((https(HERE4, record=TRUE),), "dns/answered", id="the hint is the address"),
    pytest.param((https(BESIDE4, record=TRUE), TOLD), "dns/answered", id="the hint lies beside the address"),
    pytest.param((https(FALSE4, record=TRUE), TOLD), "dns/answered", id="another public address may be as good"),
    pytest.param((https("2a00::9", record=TRUE), TOLD), "dns/answered", id="a family that nobody was asked for"),
    pytest.param((https(),), "dns/answered", id="most names have no record"),
    pytest.param((twice(FALSE4, HERE4), TOLD), "dns/https_two_answers", id="the early answer alone is false"),
    pytest.param((twice(FALSE4), TOLD, TOLD_BARE), "dns/https_two_answers", id="the true record has no hint"),
    pytest.param((twice(FALSE4), TOLD), "dns/answered", id="nobody trusted told of the record"),
    pytest.param((twice(FALSE4), TOLD, TOLD_HINT), "dns/answered", id="an empty answer where there is a hint"),
    pytest.param((twice(FALSE4, HERE4),), "dns/answered", id="no trusted resolver was asked"),
    pytest.param((twice(FALSE4, HERE4, late_ms=2100.0), TOLD), "dns/answered", id="the question was repeated"),
    pytest.param((twice(HERE4, FALSE4), TOLD), "dns/answered", id="the early answer is the true one"),
    pytest.param((twice(BESIDE4, HERE4), TOLD), "dns/answered", id="a pool that rotates"),
    pytest.param((https(FALSE4, record=TRUE), TOLD, dark(FALSE4), REFERRED), "dns/https_dark_address_answers",
                 id="a root server is made to answer"),
    pytest.param((https(FALSE4, record=TRUE), TOLD, dark(FALSE4), SERVED), "dns/answered",
                 id="all are led to a resolver"),
    pytest.param((https(FALSE4, record=TRUE), TOLD, dark(FALSE4)), "dns/answered", id="no innocent name was asked for"),
    pytest.param((https(FALSE4, record=TRUE), TOLD, dark(HERE4), REFERRED), "dns/answered", id="answered truly"),
    pytest.param((https(FALSE4, record=TRUE), TOLD, dark(FALSE4, server=UNASSIGNED_ADDRESS),
                  dark(innocent=True, server=UNASSIGNED_ADDRESS)), "dns/https_dark_address_answers",
                 id="an address that nobody has answers"),
    pytest.param((https("0.0.0.0", record=TRUE), TOLD), "dns/false_https_hint", id="no public name has the hint"),
    pytest.param((https("10.9.8.7", record=TRUE), TOLD), "dns/unplaced", id="an office may name machines of its own"),
    pytest.param((https("0.0.0.0", record=TRUE, resolver_address=PRIVATE), lookup(HERE4, resolver_address=PRIVATE),
                  TOLD), "dns/answered", id="a household's filter"),
    pytest.param((https("10.10.34.34", record=TRUE),), "dns/answered", id="nobody else was asked"),
])
def test_only_false_content_accuses(seen: tuple[Observation, ...], rule: str) -> None:
    evidence = NameEvidence(dns=gather_dns_evidence((*PLAIN, *seen)), validated=True)
    decision = decide(NAME_TABLE, evidence)
    assert decision.rule.id == rule
    assert not decision.rule.rests_on or decision.basis == "content"
    assert rule in {"dns/answered", "dns/unplaced"} or "content" in find_name_bases(evidence)


@pytest.mark.parametrize("failure", ["", TIMEOUT, "dns_nxdomain_error", "dns_servfail_error"])
@pytest.mark.parametrize("extra", [https(), https(failure=TIMEOUT), https(failure="dns_refused_error"),
                                   https(HERE4, record=KEYS), dark(FALSE4)])
def test_what_is_said_of_addresses_is_read_without_it(failure: Any, extra: Observation) -> None:
    plain = tuple(lookup(*(() if failure else (HERE4,)), failure=failure, attempt=n) for n in (1, 2, 3))
    alone, beside = gather_dns_evidence(plain), gather_dns_evidence((*plain, extra))
    for word in ("network", "attempts", "failed_attempts", "network_answers", "bogus", "injected", "dark_answered",
                 "port53", "laboured", "resolver_alive", "trusted_ok"):
        assert getattr(alone, word) == getattr(beside, word)


def named(name: str, seen: Observation, **changes: Any) -> Observation:
    return https(*seen.dns.answers, **{"name": name, "https_records": seen.dns.https_records, "failure": seen.failure,
                                       "resolver": seen.dns.resolver, **changes})


def many(seen: Observation, count: int, names: str = "a") -> tuple[Observation, ...]:
    """The same answer about so many names whose addresses are told."""
    return tuple(o for n in range(count) for o in (named(f"{names}{n}.example", seen),
                                                   lookup(HERE4, name=f"{names}{n}.example")))


RECORD, SILENT = https(HERE4, record=TRUE), https(failure=TIMEOUT)
TOLD_KEYS = https(HERE4, record=KEYS, resolver="google")


@pytest.mark.parametrize(("seen", "word"), [
    pytest.param((), "unasked", id="nobody was asked"),
    pytest.param((RECORD,), "ok", id="a record"),
    pytest.param((https(),), "ok", id="no record, and nobody knows better"),
    pytest.param((https(), TOLD_KEYS), "emptied 1/1", id="an empty answer"),
    pytest.param((https(), TOLD_KEYS, https(resolver="cloudflare")), "ok", id="trusted resolvers differ"),
    pytest.param((RECORD, TOLD_KEYS), "stripped 1/1", id="a record without keys"),
    pytest.param((https(HERE4, record=KEYS), TOLD_KEYS), "ok", id="a record with keys"),
    pytest.param((https(dns_flags=("QR", "TC")), TOLD_KEYS), "ok", id="it did not fit"),
    pytest.param((https(failure="dns_server_misbehaving"), TOLD_KEYS, lookup(HERE4)), "refused 1/1", id="refused"),
    pytest.param((https(failure="dns_server_misbehaving"), TOLD_KEYS), "ok", id="addresses are not told either"),
    pytest.param(many(SILENT, 4), "silent 4/4", id="silence for all"),
    pytest.param((*many(SILENT, 4), *many(RECORD, 4, "b")), "silent 4/8", id="silence for half"),
    pytest.param((*many(SILENT, 1), *many(RECORD, 4, "b")), "ok", id="one silence of five is chance"),
    pytest.param((*many(SILENT, 4), *many(RECORD, 4, "b"), *(lookup(name=f"c{n}.example", failure=TIMEOUT)
                                                            for n in range(4))), "ok", id="a line that loses packets"),
    pytest.param((SILENT, TOLD_KEYS), "ok", id="a resolver that answers nothing"),
])
def test_what_does_not_arrive_is_a_finding_of_the_run(seen: tuple[Observation, ...], word: str) -> None:
    assert describe_https(seen) == word


@given(st.permutations([RECORD, TOLD_KEYS, lookup(HERE4), named("b.example", https()), dark(FALSE4), REFERRED]))
def test_the_finding_does_not_depend_on_the_order(seen: list[Observation]) -> None:
    assert describe_https(seen) == "stripped 1/2"


# ---- whom it is asked of

def channels(net: Net) -> list[str]:
    return sorted(step.channel for step in walk(site_of(), net) if isinstance(step, Lookup))


HONEST = {"system": (HERE4,), "network": (HERE4,), "public": (HERE4,), "tcp": (HERE4,), "doh": (HERE4,)}


@pytest.mark.parametrize("answer", [(HERE4,), (BESIDE4,), (), TIMEOUT, "dns_refused_error", "dns_nxdomain_error"])
def test_a_record_that_fits_its_name_is_asked_for_once(answer: tuple[str, ...] | str) -> None:
    assert channels(Net(dns={**HONEST, "https": answer})) == ["https", "network", "public", "system"]


def test_a_few_names_are_compared_though_nothing_is_strange() -> None:
    net = Net(dns={**HONEST, "https": (), "https_doh": (HERE4,)})
    taken = walk(site_of(), net, context=replace(FRAME, https_compared=(HOST,)))
    asked = [(step.channel, step.server) for step in taken if isinstance(step, Lookup)]
    assert sorted(channel for channel, _ in asked) == ["https", "https_doh", "network", "public", "system"]
    assert dict(asked)["https_doh"] == FRAME.doh[0]


def test_which_names_are_compared_follows_from_the_run_s_seed() -> None:
    sites = [site_of(endpoint(f"https://{n}.example/")) for n in range(20)]
    drawn = {choose_https_compared(sites, seed=seed) for seed in range(10)}
    assert len(drawn) > 5
    assert all(len(set(names)) == HTTPS_COMPARED for names in drawn)
    assert choose_https_compared(sites[:1], seed=1) == ("0.example",)


def test_hints_at_strange_addresses_are_asked_of_others() -> None:
    asked = channels(Net(dns={**HONEST, "https": (FALSE4,)}))
    assert [c for c in asked if c != "dark"] == ["doh", "doh", *["https"], *["https_dark"] * 2, "network", "public",
                                                 "system"]


def test_where_no_resolver_is_the_innocent_record_is_asked_for_as_well() -> None:
    taken = walk(site_of(), Net(dns={**HONEST, "https": (FALSE4,)}))
    asked = {(step.name, step.server, step.about) for step in taken
             if isinstance(step, Lookup) and step.channel == "https_dark"}
    assert asked == {(HOST, FRAME.dark_server, HOST), (FRAME.innocent, FRAME.dark_server, HOST)}


def test_a_name_without_addresses_waits_for_them_alone() -> None:
    taken = walk(site_of(), Net(dns={"https": (HERE4,)}))
    assert [step for step in taken if isinstance(step, Lookup) and step.channel == "network"]
