"""Company: which failures are strikes, whose are alike, and that no single operator's deed makes any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_net import Net, walk
from made_up_verdicts import HONEST, run_context
from observations import EOF, HERE4, RESET, TIMEOUT, WELL, endpoint, path
from probe.catalogue.owners import ServiceAt, are_unrelated
from probe.catalogue.sites import group_sites
from probe.judge.app.app_evidence import AppEvidence
from probe.judge.common.company import ALONE, COMPANY, CompanyEvidence, Strike, StrikeWay, find_companies
from probe.judge.dns.dns_evidence import DnsEvidence
from probe.judge.flow.flow_evidence import FlowComparison, FlowEvidence
from probe.judge.hops.hop_evidence import HopLocation
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.path.residual_evidence import ResidualEvidence
from probe.judge.path.strikes import StrikeContext, read_name_strike, read_path_strike
from probe.judge.tls.shape_evidence import ShapeEvidence
from probe.judge.udp.udp_evidence import UdpEvidence
from probe.judge.verdicts.classify import judge_endpoints
from probe.judge.verdicts.judged_endpoint import JudgedEndpoint
from probe.session.observation_log import ObservationLog

RESETS = StrikeWay(stage="tls", failure="connection_reset")
AROUND = StrikeContext(ladder=WELL, unlucky=frozenset({"unlucky.example"}))
CHAT = ServiceAt(service="chat", host="chat.example", addresses=frozenset({HERE4}))
HOME = {"telegram": "149.154.167.51", "whatsapp": "157.240.1.1", "facebook": "31.13.64.1", "signal": "15.197.251.99",
        "slack": "52.1.1.1", "line": "147.92.128.1", "vk": "87.240.128.1", "discord": "162.159.128.1",
        "matrix": "104.16.1.1", "threema": "185.88.236.1", "wire": "198.18.0.1"}


def strikes(*services: str, way: StrikeWay = RESETS) -> list[Strike]:
    return [Strike(way=way, whose=ServiceAt(service=name, addresses=frozenset({HOME[name]}))) for name in services]


def owners_of(found: Sequence[Strike], service: str, cc: str = "RU") -> tuple[str, ...]:
    """The company of one service among these."""
    (ours,) = {(s.way, s.whose.owner) for s in found if s.whose.service == service}
    return find_companies(found, cc=cc).get(ours, ALONE).owners


@pytest.mark.parametrize(("services", "cc", "owners"), [
    (("telegram", "whatsapp", "line"), "RU", ("line", "meta", "telegram")),
    (("telegram", "whatsapp", "facebook"), "RU", ("meta", "telegram")),
    (("telegram", "discord", "matrix"), "RU", ("discord", "telegram")),  # these two stand behind one front
    (("telegram", "signal", "slack", "line"), "RU", ("line", "signal", "telegram")),
    (("telegram",), "RU", ("telegram",)),
    (("telegram", "whatsapp", "line"), "IR", ("line", "meta", "telegram")),
    (("telegram", "slack", "line"), "IR", ("line", "telegram")),  # law makes one of them refuse
    (("telegram", "signal", "line"), "IR", ("line", "telegram")),  # and the front of another
    (("telegram", "threema", "line"), "IR", ("line", "telegram")),  # and nobody is known to serve it by the third
    (("telegram", "signal", "vk"), "ZZ", ("telegram", "vk")),
])
def test_company_is_of_unrelated_owners_who_do_not_refuse_the_country(services: tuple[str, ...], cc: str,
                                                                      owners: tuple[str, ...]) -> None:
    assert owners_of(strikes(*services), "telegram", cc) == owners
    assert owners_of(strikes(*reversed(services)), "telegram", cc) == owners


def test_certificates_of_several_authorities_are_no_company() -> None:
    ways = [StrikeWay(stage="tls", failure="resigned", issuer=f"CN={name}") for name in "aab"]
    found = [strike for name, way in zip(("telegram", "line", "whatsapp"), ways, strict=True)
             for strike in strikes(name, way=way)]
    assert owners_of(found, "telegram") == ("line", "telegram")


def test_who_may_have_refused_has_no_company() -> None:
    assert owners_of(strikes("slack", "telegram", "line", "vk"), "slack", "IR") == ()


@pytest.mark.parametrize("other", [
    StrikeWay(stage="tls", failure="timeout"), StrikeWay(stage="http", failure="connection_reset"),
    StrikeWay(stage="name", failure="nxdomain"),
])
def test_what_is_struck_in_another_way_is_no_company(other: StrikeWay) -> None:
    found = [*strikes("telegram", "line"), *strikes("whatsapp", way=other)]
    assert owners_of(found, "telegram") == ("line", "telegram")


@pytest.mark.parametrize(("failure", "enough"), [
    ("nxdomain", True), ("refused", True), ("servfail", False), ("empty", False), ("timeout", False),
])
def test_names_count_for_what_their_own_servers_may_do_only_where_these_are_known(failure: Any, enough: bool) -> None:
    """Whoever hosts the zones of three owners may refuse this country's resolvers; of VK and Meta it is known who."""
    found = strikes("whatsapp", "vk", "telegram", "threema", way=StrikeWay(stage="name", failure=failure))
    assert (len(owners_of(found, "whatsapp")) >= COMPANY) is enough


def test_an_owner_is_met_with_all_that_its_services_stand_behind() -> None:
    """One service of Signal lies with Amazon, as Slack does: what any of them shares joins the two."""
    aside = Strike(way=RESETS, whose=ServiceAt(service="signal", addresses=frozenset({"198.18.0.1"}),
                                               asns=frozenset({64500})))
    assert "signal" not in owners_of([*strikes("slack", "signal"), aside], "slack")


@given(st.lists(st.sampled_from(sorted(HOME)), max_size=8), st.sampled_from(["RU", "IR", "ZZ"]))
def test_all_in_company_are_unrelated_and_struck_themselves(services: list[str], cc: str) -> None:
    found = strikes(*services)
    met = {s.whose.owner: s.whose for s in found if s.whose.service != "facebook"}
    for (_, owner), company in find_companies(found, cc=cc).items():
        assert owner in company.owners
        assert set(company.owners) <= {s.whose.owner for s in found}
        known = [met[name] for name in company.owners if name in met]
        assert all(are_unrelated(a, b) for a in known for b in known if a != b)


@pytest.mark.parametrize(("owners", "enough"), [((), False), (("a", "b"), False), (("a", "b", "c"), True)])
def test_company_begins_with_three(owners: tuple[str, ...], enough: bool) -> None:
    assert CompanyEvidence(owners=owners).is_enough is enough


# ---- what is a strike

STRUCK: dict[str, Any] = dict(stage="tls", failure=RESET, innocent="reached", controls_ok=2)
SILENT: dict[str, Any] = STRUCK | dict(failure=TIMEOUT, residual=ResidualEvidence(word="none"))
STARTTLS: dict[str, Any] = dict(stage="app", failure=TIMEOUT, kind="app", innocent="unasked",
                                app=AppEvidence(innocent="carried"))
QUIC: dict[str, Any] = dict(stage="quic", failure=TIMEOUT, kind="quic", innocent="reached",
                            udp=UdpEvidence(again="reached"))
WORKS: dict[str, Any] = dict(failed_attempts=0, last_ok=True)
SLOW_FLOW = FlowEvidence(samples=4, trickles=True, innocent=FlowComparison(others=4, slower=True), same_answer=True)
FROZEN_FLOW = FlowEvidence(stalls=3, tries=3, clean=True, stall_chance=0.01, innocent_passes=2, later_pass=True)
SLOWED, FROZEN = WORKS | dict(flow=SLOW_FLOW), WORKS | dict(flow=FROZEN_FLOW)
HIDDEN = ShapeEvidence(passed=("browser",))
RESIGNED: dict[str, Any] = dict(stage="tls", failure="ssl_unknown_authority", trust="unknown_issuer",
                                issuer="CN=Authority", other_key=2, attempts=2, failed_attempts=2)


@pytest.mark.parametrize(("shown", "way"), [
    (STRUCK, RESETS), (STRUCK | dict(failure=EOF), StrikeWay(stage="tls", failure="eof_error")),
    (SILENT, StrikeWay(stage="tls", failure="timeout")),
    (SILENT | dict(failure="timed_out"), StrikeWay(stage="tls", failure="timeout")),
    (SILENT | dict(residual=ResidualEvidence(word="seen"), slots=2), StrikeWay(stage="tls", failure="timeout")),
    (SILENT | dict(shapes=ShapeEvidence(innocent_small=True, narrow="silent")),
     StrikeWay(stage="tls", failure="timeout")),
    (STRUCK | dict(stage="http", secure=False), StrikeWay(stage="http", failure="connection_reset")),
    (STARTTLS, StrikeWay(stage="app", failure="timeout")), (QUIC, StrikeWay(stage="quic", failure="timeout")),
    (STRUCK | dict(shapes=replace(HIDDEN, control_same=1)), RESETS),
    (RESIGNED, StrikeWay(stage="tls", failure="resigned", issuer="CN=Authority")),
    (SLOWED, StrikeWay(stage="flow", failure="slowed")), (FROZEN, StrikeWay(stage="flow", failure="frozen")),
    (FROZEN | dict(stage="http", failure=TIMEOUT, innocent="reached"), StrikeWay(stage="flow", failure="frozen")),
], ids=str)
def test_a_name_that_fails_every_time_where_others_are_served_is_struck(shown: dict[str, Any], way: StrikeWay) -> None:
    assert read_path_strike(path(**shown), CHAT, AROUND) == Strike(way=way, whose=CHAT)


@pytest.mark.parametrize(("base", "doubt"), [
    *((STRUCK, doubt) for doubt in (
        dict(stage="connect"), dict(stage="page"), dict(stage="", failure=""), dict(last_ok=True),
        dict(same_failure=False), dict(failed_attempts=2, attempts=2), dict(attempts=6), dict(trust="self_signed"),
        dict(tainted=True), dict(must_not_answer=True), dict(innocent="failed"), dict(innocent="unasked"),
        dict(controls_failed=1), dict(shapes=HIDDEN), dict(located=HopLocation(least=1, most=1, scope="lan")),
        dict(located_by_name=HopLocation(least=1, most=1, scope="device")))),
    *((SILENT, doubt) for doubt in (
        dict(stage="http"),
        dict(residual=ResidualEvidence(word="seen")), dict(residual=ResidualEvidence()), dict(seeps=True),
        dict(shapes=ShapeEvidence(innocent_small=True)))),
    *((STARTTLS, doubt) for doubt in (
        dict(app=AppEvidence(innocent="failed")), dict(app=AppEvidence(innocent="carried", control_failed=1)),
        dict(app=AppEvidence(innocent="carried", control_foreign=1)))),
    *((SLOWED, dict(flow=replace(SLOW_FLOW, **doubt))) for doubt in (
        dict(samples=3), dict(trickles=False), dict(innocent=FlowComparison(others=4)), dict(same_answer=False),
        dict(controls_slow=1), dict(stalls=1))),
    *((FROZEN, dict(flow=replace(FROZEN_FLOW, **doubt))) for doubt in (
        dict(stalls=2), dict(clean=False), dict(stall_chance=0.2), dict(innocent_passes=1), dict(elsewhere_stalls=1),
        dict(later_pass=False), dict(controls_slow=1))),
    *((RESIGNED, doubt) for doubt in (
        dict(trust="self_signed"), dict(issuer=""), dict(other_key=0), dict(same_key=1),
        dict(controls_failed=1), dict(attempts=3), dict(attempts=1, failed_attempts=1), dict(private_root=True),
        dict(same_failure=False), dict(tainted=True), dict(located=HopLocation(least=1, most=1, scope="lan")))),
    *((QUIC, doubt) for doubt in (dict(udp=UdpEvidence(again="failed")), dict(innocent="failed"))),
], ids=str)
def test_what_may_have_another_reason_is_no_strike(base: dict[str, Any], doubt: dict[str, Any]) -> None:
    assert read_path_strike(path(**base), CHAT, AROUND) is not None
    assert read_path_strike(path(**base | doubt), CHAT, AROUND) is None


@pytest.mark.parametrize("change", [
    dict(foreign_ok=1, domestic_ok=0), dict(resigned=1), dict(full_segments=False), dict(slow=True),
    dict(stalled_innocents=frozenset({"192.0.2.9"})), dict(full_segments=False, stalled=3),
], ids=str)
def test_on_a_line_that_is_not_well_silence_is_no_strike(change: dict[str, Any]) -> None:
    ladder = replace(WELL, **change)
    assert read_path_strike(path(**SILENT), CHAT, StrikeContext(ladder=WELL)) is not None
    assert read_path_strike(path(**SILENT), CHAT, StrikeContext(ladder=ladder)) is None


DENIED = DnsEvidence(asked=True, network="nxdomain", system="nxdomain", attempts=4, failed_attempts=4, trusted_ok=2,
                     resolver_alive="ok", public="nxdomain")


@pytest.mark.parametrize(("change", "struck"), [
    ({}, True), (dict(network="servfail"), True), (dict(network="timeout", resolver_alive="nxdomain"), True),
    (dict(resolver_private=True), True), (dict(resolver_private=True, public="ok"), False),
    (dict(network="ok"), False), (dict(network="error"), False), (dict(system="ok"), False),
    (dict(failed_attempts=2, attempts=2), False), (dict(attempts=5), False),
    (dict(resolver_alive="unasked"), True), (dict(network="servfail", resolver_alive="timeout"), False),
    (dict(network="refused", resolver_alive="unasked"), False), (dict(trusted_ok=0), False),
    (dict(trusted_denying=1), False), (dict(control_denying=1), False),
    (dict(filtered=True), False), (dict(chosen_filter=True), False), (dict(zone_blamed=True), False),
    (dict(laboured=True), False), (dict(may_be_length=True), True),
    (dict(network="timeout", resolver_alive="ok", may_be_length=True), False),
], ids=str)
def test_a_name_is_struck_where_the_resolver_fails_it_alone(change: dict[str, Any], struck: bool) -> None:
    name = replace(DENIED, **change)
    expected = Strike(way=StrikeWay(stage="name", failure=name.network), whose=CHAT) if struck else None
    assert read_name_strike(name, CHAT, AROUND) == expected


@pytest.mark.parametrize("change", [dict(resolver="failing"), dict(foreign_ok=1, domestic_ok=0)], ids=str)
def test_a_resolver_that_serves_nobody_strikes_nobody(change: dict[str, Any]) -> None:
    assert read_name_strike(DENIED, CHAT, StrikeContext(ladder=replace(WELL, **change))) is None


@pytest.mark.parametrize(("failure", "struck"), [("nxdomain", True), ("timeout", False)])
def test_silence_about_a_name_may_be_chance(failure: Any, struck: bool) -> None:
    whose = replace(CHAT, host="unlucky.example")
    assert (read_name_strike(replace(DENIED, network=failure), whose, AROUND) is not None) is struck


# ---- from a run to its paths and names

def judge(services: Sequence[str], net: Sequence[Net], ladder: LadderEvidence = WELL) -> list[JudgedEndpoint]:
    """One run over as many services, each of which meets a network of its own."""
    book = ObservationLog("r")
    sites = group_sites([endpoint(f"https://www.{name}.example/", target_id=f"{name}.web.main", service=name)
                         for name in services])
    for site, meets in zip(sites, net, strict=True):
        walk(site, meets, book=book)
    found = judge_endpoints([book.case(site) for site in sites], {}, run_context(ladder))
    return [judged for members in found.values() for judged in members]


def at_home(service: str, stage: str = "", failure: str = "", **changes: Any) -> Net:
    """What a service meets at its own address: it is served there, or cut off."""
    home = HOME[service]
    return Net(dns=dict.fromkeys(HONEST, (home,)), cuts={home: (stage, failure)} if stage else {}, **changes)


def path_companies(judged: Sequence[JudgedEndpoint]) -> list[tuple[str, ...]]:
    return [d.evidence.path.company.owners for one in judged for d in one.decisions if hasattr(d.evidence, "path")]


def name_companies(judged: Sequence[JudgedEndpoint]) -> list[tuple[str, ...]]:
    return [d.evidence.company.owners for one in judged for d in one.decisions if hasattr(d.evidence, "company")]


THREE = ("telegram", "whatsapp", "line")


def test_three_owners_whose_names_are_reset_keep_company_and_are_blocked_for_that() -> None:
    judged = judge(THREE, [at_home(name, "tls", RESET) for name in THREE])
    assert path_companies(judged) == [("line", "meta", "telegram")] * 3
    assert set(name_companies(judged)) == {()}
    assert {(one.verdict.outcome, one.verdict.basis) for one in judged} == {("blocked", "company")}
    two = judge(THREE[:2], [at_home(name, "tls", RESET) for name in THREE[:2]])
    assert {(one.verdict.outcome, one.verdict.basis) for one in two} == {("inconclusive", "")}


@pytest.mark.parametrize("odd", [
    at_home("line", "connect", TIMEOUT), at_home("line", "tls", RESET, innocent_cuts={HOME["line"]: ("tls", RESET)}),
    at_home("line"),
], ids=["its address is dead", "nobody is served there", "it is well"])
def test_one_of_three_that_fares_otherwise_leaves_two(odd: Net) -> None:
    judged = judge(THREE, [*(at_home(name, "tls", RESET) for name in THREE[:2]), odd])
    assert max(map(len, path_companies(judged))) == COMPANY - 1


def test_three_dead_addresses_are_no_company() -> None:
    judged = judge(THREE, [at_home(name, "connect", TIMEOUT) for name in THREE])
    assert set(path_companies(judged)) == {()}


def test_three_owners_whose_names_the_resolver_denies_keep_company() -> None:
    dns = dict.fromkeys(HONEST, "dns_nxdomain_error")
    nets = [Net(dns=dns | {"doh": (HOME[name],), "alive": (HERE4,)}) for name in THREE]
    assert name_companies(judge(THREE, nets)) == [("line", "meta", "telegram")] * 3
    assert set(map(len, name_companies(judge(THREE[:2], nets[:2])))) == {2}
