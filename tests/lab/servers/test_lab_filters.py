"""Filters that the user chose, servers that have enough, and what a scenario may say of a fault."""

from __future__ import annotations

import dns.edns
import dns.rcode
import dns.rdatatype
import pytest

from lab_faults_world import BAD, GOOD, ROWS, Params, fault, first, lookup
from lab_servers_world import connect, in_namespace, request, serving
from probe_lab.lab_types import Value
from probe_lab.servers.fault_problems import missing, value_problems
from probe_lab.servers.faults import FAULTS

pytestmark = pytest.mark.lab

FILTERS: dict[str, tuple[Params, dns.rcode.Rcode, str]] = {
    "a name that is not there": ({"style": "nxdomain", "code": 15}, dns.rcode.NXDOMAIN, ""),
    "a given address": ({"style": "address", "address": "198.18.7.7", "code": 17}, dns.rcode.NOERROR, "198.18.7.7"),
    "nowhere": ({"style": "zero", "code": 16, "text": "by request"}, dns.rcode.NOERROR, "0.0.0.0"),
}


@pytest.mark.parametrize("style", FILTERS)
@in_namespace
def test_a_filter_says_why(style: str) -> None:
    params, rcode, address = FILTERS[style]
    with serving(ROWS, fault("resolver_filter", BAD, **params), seed=26) as served:
        answer = lookup(served, BAD)
        assert (answer.rcode(), first(answer) if answer.answer else "") == (rcode, address)
        options = [option for option in answer.options if isinstance(option, dns.edns.EDEOption)]
        assert [(option.code, option.text) for option in options] == [(params["code"], params.get("text"))]
        assert lookup(served, GOOD).answer
        if not address:
            assert [rrset.rdtype for rrset in answer.authority] == [dns.rdatatype.SOA]
            assert not lookup(served, BAD, "AAAA").answer


@in_namespace
def test_a_filter_that_leads_to_the_sinkhole_unless_told() -> None:
    with serving(ROWS, fault("resolver_filter", BAD, style="address"), seed=27) as served:
        assert first(lookup(served, BAD)) == served.world.sinkhole
        assert not lookup(served, BAD, "AAAA").answer


@in_namespace
def test_a_cap_leaves_short_answers_whole() -> None:
    with serving(ROWS, fault("small_cap", BAD), fault("status", BAD, status=200, body="short"), seed=29) as served:
        client = served.trusting().wrap_socket(connect(served.address(BAD), 443), server_hostname=BAD)
        with client:
            answers = [request(client, BAD), request(client, BAD)]
        assert [answer.body for answer in answers] == [b"short"] * 2, "on one connection"


@in_namespace
def test_every_world_has_the_name_that_tells_a_prefix() -> None:
    with serving(ROWS, seed=30) as served:
        for where in ("", "8.8.8.8"):
            answer = lookup(served, "ipv4only.arpa", where=where)
            assert sorted(item.to_text() for item in answer.answer[-1]) == ["192.0.0.170", "192.0.0.171"]
            assert lookup(served, "ipv4only.arpa", "AAAA", where=where).rcode() == dns.rcode.NOERROR
            assert not lookup(served, "ipv4only.arpa", "AAAA", where=where).answer


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("host_bans", "reply", "rst"), ("vpn", "kind", 1), ("quota", "reply", ""), ("resolver_filter", "style", True),
        ("slow_line", "rate_bps", 0), ("slow_line", "queue_ms", "1"), ("closed", "port", 70_000), ("mtu", "icmp", 1),
        ("tls_reset", "probability", 1.5), ("nat_limit", "syns", True), ("blackhole", "from_s", -1),
    ],
)
def test_values_that_make_no_sense_are_found(kind: str, name: str, value: Value) -> None:
    assert list(value_problems(kind, name, value))


def test_values_that_make_sense_and_parameters_that_must_be_there() -> None:
    good: list[tuple[str, str, Value]] = [
        ("host_bans", "reply", "reset"), ("vpn", "kind", "split"), ("slow_line", "rate_bps", 50_000), ("mtu", "hop", 3),
        ("resolver_lie", "address", "192.0.2.1"), ("status", "headers", ("A: b",)), ("resolver_dead", "refuse", True),
    ]
    assert [problem for one in good for problem in value_problems(*one)] == []
    assert [kind for kind in FAULTS if list(missing(kind, {}))] == [
        "app_reply", "slow_line", "nat_limit", "quota", "helper_lies"]
    assert not [*missing("nat_limit", {"flows": 3}), *missing("quota", {"after_bytes": 0})]
    named = {name for entry in FAULTS.values() for name in entry.parameters}
    assert {name for _, name, _ in good} <= named
