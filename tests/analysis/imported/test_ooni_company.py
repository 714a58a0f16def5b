"""Services of unrelated owners that a network strikes alike may convict; whatever may be theirs alone does not."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

import pytest

from ooni_data import ADDRESS, HOST, query, told, web
from ooni_fleet import MESSENGERS, Strike, judge, make_days
from probe.core.verdicts import Verdict
from probe_analysis.imported.web_sites import name_site

MOBILE: dict[str, Any] = {"annotations": {"engine_name": "ooniprobe-engine", "network_type": "mobile"}}


def day_of(*tests: str, strike: Strike = "tls", cc: str = "TR", **changes: Any) -> Iterable[dict[str, Any]]:
    return chain.from_iterable(make_days({**MESSENGERS[t](strike), **changes}, cc=cc) for t in tests)


def blocked(found: Iterable[Verdict]) -> set[tuple[str, str]]:
    return {(v.owner, v.block_type) for v in found if v.outcome == "blocked"}


def test_three_unrelated_owners_whose_handshakes_are_reset_alike_are_company() -> None:
    found = judge(day_of("telegram", "whatsapp", "signal"))
    assert blocked(found) == {("telegram", "tls.reset"), ("meta", "tls.reset"), ("signal", "tls.reset")}
    assert {v.basis for v in found if v.outcome == "blocked"} == {"company"}


@pytest.mark.parametrize(("tests", "strike", "cc"), [
    (("telegram", "whatsapp"), "tls", "TR"),  # two may have had one accident
    (("telegram", "whatsapp", "signal"), "tcp", "TR"),  # dead addresses may lie behind one way that is out
    (("telegram", "whatsapp", "signal"), "tls", "IR"),  # the law forbids two of them to serve it
    (("telegram", "whatsapp", "signal"), "tls", "ZZ"),
    (("telegram", "whatsapp", "signal"), "dns", "TR"),  # a household's filter denies alike
    (("telegram", "whatsapp", "signal"), "", "TR"),
])
def test_what_may_be_the_owners_or_the_households_is_none(tests: tuple[str, ...], strike: Strike, cc: str) -> None:
    assert not blocked(judge(day_of(*tests, strike=strike, cc=cc)))


def test_denials_are_company_where_a_mobile_networks_own_resolver_gives_them() -> None:
    tests = ("telegram", "whatsapp", "signal")
    assert {cause for _, cause in blocked(judge(day_of(*tests, strike="dns", **MOBILE)))} == {"dns.nxdomain"}
    assert not blocked(judge(day_of(*tests, strike="dns", resolver_asn="AS64999", **MOBILE)))
    assert not blocked(judge(day_of(*tests, strike="dns", resolver_asn=None, **MOBILE)))


@pytest.mark.parametrize(("address", "network_type", "expected"), [
    ("10.77.1.1", "mobile", "blocked"), ("10.77.1.1", "wifi", "inconclusive"), ("0.0.0.0", "mobile", "inconclusive"),
])
def test_a_private_answer_convicts_where_no_household_can_have_given_it(address: str, network_type: str,
                                                                        expected: str) -> None:
    lie = make_days({"annotations": {"engine_name": "ooniprobe-engine", "network_type": network_type},
                     "test_keys": lied(address)})
    found = judge(lie)
    assert {v.outcome for v in found} == {expected}
    assert all(v.suspected.startswith("dns") or v.block_type.startswith("dns") for v in found)


def lied(address: str) -> dict[str, Any]:
    return web(queries=[query(HOST, address)], control=told(ADDRESS), tcp_connect=[], tls_handshakes=[], requests=[])


@pytest.mark.parametrize(("host", "site"), [
    ("news.example.com", "example.com"), ("www.example.co.uk", "example.co.uk"), ("example.org", "example.org"),
    ("a.b.gov.ir", "b.gov.ir"), ("192.0.2.1", "192.0.2.1"), ("", ""), ("WWW.Example.COM.", "example.com"),
])
def test_hosts_of_one_site_have_one_name(host: str, site: str) -> None:
    assert name_site(host) == site


def test_sites_have_owners_of_their_own() -> None:
    found = judge(make_days({"test_keys": lied("0.0.0.0")}))
    assert {(v.service, v.owner) for v in found} == {("chat.example", "chat.example")}
