"""Names that lead to somebody else's server, from the network's behaviour to the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from made_up_net import Net, walk
from made_up_verdicts import HONEST, cut, run_context, verdict_on
from observations import BEYOND4, ELSEWHERE, HERE4, REFUSED, THERE4, TIMEOUT, endpoint
from probe.catalogue.sites import group_sites
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe.core.tables.failures import Failure
from probe.core.verdicts import Verdict
from probe.instruments.steps import AskControl
from probe.judge.verdicts.classify import judge_run
from probe.session.observation_log import ObservationLog

NEXT_TO_THERE4 = "151.101.77.7"


def verdicts_beside(nets: Sequence[Net]) -> tuple[Verdict, ...]:
    """What one run says of as many services, each of which meets a network of its own."""
    book = ObservationLog("r")
    sites = group_sites([endpoint(f"https://www.{n}.example/", target_id=f"s{n}.web.main", service=f"s{n}")
                         for n in range(len(nets))])
    for site, net in zip(sites, nets, strict=True):
        walk(site, net, book=book)
    return judge_run([book.case(site) for site in sites], {}, run_context())[0]


def led_to_a_wrong_server(*homes: str) -> list[Net]:
    """One address for as many services, and somebody else's certificate there."""
    return [cut("tls", "ssl_invalid_hostname", HONEST | {"doh": (home,), "public": (home,)},
                cut_shake={"trust": "wrong_name"}) for home in homes]


def test_one_wrong_server_for_three_services_is_a_forger() -> None:
    found = verdicts_beside(led_to_a_wrong_server(THERE4, ELSEWHERE, BEYOND4))
    assert {(v.block_type, v.rule_id) for v in found} == {("dns.forged", "dns/wrong_server_for_many")}


@pytest.mark.parametrize("homes", [(THERE4,), (THERE4, ELSEWHERE), (THERE4, ELSEWHERE, NEXT_TO_THERE4)])
def test_one_wrong_server_for_fewer_may_be_an_address_that_they_left(homes: tuple[str, ...]) -> None:
    """Also where a third is at home with the provider of another: both may have left one network."""
    found = verdicts_beside(led_to_a_wrong_server(*homes))
    assert {(v.outcome, v.rule_id) for v in found} == {("inconclusive", "dns/wrong_server")}


def only_the_false_one_fails(step: AskControl) -> ControlAnswer:
    """Controls meet the forger's certificate at his address, and shake hands at the others."""
    tls: tuple[tuple[Place, Failure], ...] = tuple(
        (Place(a, 443), "ssl_unknown_authority" if a == HERE4 else "") for a in step.addresses)
    return replace(Net(dns={}).told(step), tls=tls)


def lying(**changes: Any) -> Net:
    """Every plain resolver leads to a server of the forger's own."""
    return Net(cut_shake={"trust": "self_signed", "chain": ("forged",)}, told=only_the_false_one_fails, **changes)


FALSE: dict[str, tuple[str, ...] | str] = {**HONEST, "doh": (THERE4,)}
AT_THE_FORGER = {HERE4: ("tls", "ssl_unknown_authority")}


def test_a_forger_whose_victim_is_out_of_reach_as_well_is_no_sign_that_the_service_is_down() -> None:
    net = lying(dns=FALSE | {"public": (THERE4,)}, cuts=AT_THE_FORGER | {THERE4: ("connect", REFUSED)})
    found = verdict_on(net)
    assert (found.outcome, found.block_type) == ("blocked", "ip.reset")
    gone = [lying(dns=FALSE | {"doh": (home,), "public": (home,)},
                  cuts=AT_THE_FORGER | {THERE4: ("connect", REFUSED)})
            for home in (THERE4, ELSEWHERE, BEYOND4)]
    all_three = verdicts_beside(gone)
    assert {(v.block_type, v.rule_id) for v in all_three} == {("dns.forged", "dns/wrong_server_for_many")}
    assert {v.also for v in all_three} == {("ip.reset",), ()}


def test_what_controls_meet_at_an_address_of_nobody_else_does_not_blame_the_service() -> None:
    for doh in (TIMEOUT, (THERE4,)):
        found = verdict_on(lying(dns=FALSE | {"doh": doh}, cuts=AT_THE_FORGER))
        assert (found.outcome, found.rule_id) == ("inconclusive", "dns/dead_answer")
    found = verdict_on(lying(dns=FALSE | {"doh": "dns_nxdomain_error"}, cuts=AT_THE_FORGER))
    assert (found.outcome, found.rule_id) == ("inconclusive", "dns/known_here_only")
    found = verdict_on(lying(dns=FALSE | {"doh": (HERE4,)}, cuts=AT_THE_FORGER))
    assert (found.outcome, found.rule_id) == ("down", "tls/controls_fail_too")
