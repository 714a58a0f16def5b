"""How the laboratory's resolver denies a name: signed as by those whom it imitates, and what it keeps grows older."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from lab_servers_world import row
from probe_lab.lab_types import Fault, Value
from probe_lab.servers.dns_replies import NameServers
from probe_lab.servers.faults import Faults
from probe_lab.servers.zone import Zone
from probe_lab.world import draw_world

BAD, GOOD = "www.bad.example", "www.good.example"
WORLD = draw_world(seed=5, endpoints=[row(f"https://{BAD}/"), row(f"https://{GOOD}/")])


def servers(kind: str = "", match: str = BAD, **params: Value) -> NameServers:
    faults = [Fault(kind=kind, match=(match,), params=params)] if kind else []
    return NameServers(WORLD, Faults(faults, seed=5), on_lie=lambda *_: None)


def ask(names: NameServers, name: str, kind: str = "A") -> dns.message.Message:
    wire = names.reply(dns.message.make_query(name, kind, use_edns=0).to_wire(), role="network", udp=True)
    assert wire is not None
    return dns.message.from_wire(wire)


def zones(records: list[dns.rrset.RRset]) -> list[str]:
    return [r.name.to_text() for r in records if r.rdtype == dns.rdatatype.SOA]


@pytest.mark.parametrize(("style", "authority", "additional", "own"), [
    ("zone", ["bad.example."], [], False), ("cached", ["bad.example."], [], False), ("bare", [], [], False),
    ("policy", [], ["rpz.resolver.example."], False), ("foreign", ["blocked.invalid."], [], False),
    ("root", ["."], [], False), ("own", ["bad.example."], [], True),
])
@pytest.mark.parametrize(("kind", "rcode"), [
    ("resolver_nxdomain", dns.rcode.NXDOMAIN), ("resolver_empty", dns.rcode.NOERROR)])
def test_a_denial_is_signed_by_its_style(kind: str, rcode: dns.rcode.Rcode, style: str, authority: list[str],
                                         additional: list[str], own: bool) -> None:
    reply = ask(servers(kind, style=style), BAD)
    assert reply.rcode() == rcode
    assert not reply.answer
    assert (zones(reply.authority), zones(reply.additional)) == (authority, additional)
    assert bool(reply.flags & dns.flags.AA) is own


@pytest.mark.parametrize(("style", "falls"), [("cached", True), ("zone", False), ("own", False)])
def test_a_denial_grows_older_in_a_cache_alone(style: str, falls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    clock_s = [100.0]
    monkeypatch.setattr("probe_lab.servers.denials.time.monotonic", lambda: clock_s[0])
    names = servers("resolver_nxdomain", style=style)
    early = ask(names, BAD).authority[0].ttl
    clock_s[0] += 4
    assert ask(names, BAD).authority[0].ttl == early - (4 if falls else 0)


def test_what_the_resolver_knows_grows_older_and_is_fetched_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    clock_s = [100.0]
    monkeypatch.setattr("probe_lab.servers.denials.time.monotonic", lambda: clock_s[0])
    names = servers()
    first = ask(names, GOOD).answer[-1].ttl
    clock_s[0] += 4
    assert ask(names, GOOD).answer[-1].ttl == first - 4
    clock_s[0] += first - 4
    assert ask(names, GOOD).answer[-1].ttl >= first


def test_a_zone_never_says_that_it_does_not_exist() -> None:
    names = servers("resolver_nxdomain", match="bad.example", style="zone")
    assert zones(ask(names, "bad.example").authority) == ["example."]


def test_a_top_level_domain_is_denied_with_all_below_it() -> None:
    names = servers("resolver_nxdomain", match="example", style="root")
    assert {ask(names, name).rcode() for name in (BAD, GOOD, "example")} == {dns.rcode.NXDOMAIN}


def test_a_zone_is_told_where_it_is_asked_for() -> None:
    assert zones(ask(servers(), "good.example", "SOA").answer) == ["good.example."]
    below = ask(servers(), GOOD, "SOA")
    assert not zones(below.answer)
    assert below.rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize(("passed_on", "zone"), [(True, dns.rcode.REFUSED), (False, dns.rcode.NOERROR)])
def test_a_refusal_that_is_passed_on_is_one_of_the_whole_zone(passed_on: bool, zone: dns.rcode.Rcode) -> None:
    names = servers("resolver_refused", passed_on=passed_on)
    assert ask(names, BAD).rcode() == dns.rcode.REFUSED
    assert ask(names, "bad.example", "SOA").rcode() == zone
    assert ask(names, GOOD).rcode() == dns.rcode.NOERROR


def test_a_zone_ends_where_registries_of_countries_delegate() -> None:
    world = draw_world(seed=5, endpoints=[row("https://list.office.go.id/"), row("https://list.bad.example/")])
    zone = Zone(world, Faults([], seed=5))
    assert [zone.zone_of(name) for name in ("list.office.go.id", "www.office.go.id", "go.id", "www.bad.example")] == [
        "office.go.id", "office.go.id", "go.id", "bad.example"]
