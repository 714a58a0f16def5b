"""Names that lead to somebody else's server, from the network's behaviour to the verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from made_up_net import Net, walk
from made_up_verdicts import HONEST, bench, cut, verdict_on
from observations import HERE4, THERE4, TIMEOUT, endpoint

from probe.classify import judge
from probe.model import ControlAnswer
from probe.session.book import Book
from probe.sites import group
from probe.steps import Ask


def test_one_wrong_server_for_many_services_is_a_forger() -> None:
    net = cut("tls", "ssl_invalid_hostname", HONEST | {"doh": (THERE4,), "public": (THERE4,)},
              cut_shake={"trust": "wrong_name"})
    sites = group([endpoint(), endpoint("https://other.example/", target_id="o.web.main", service="o")])
    book = Book("r")
    for site in sites:
        walk(site, net, book=book)
    cases = [book.case(site) for site in sites]
    found, _ = judge(cases, {}, bench())
    assert {(v.block_type, v.rule_id) for v in found} == {("dns.forged", "dns/wrong_server_for_many")}
    (alone,), _ = judge(cases[:1], {}, bench())
    assert (alone.outcome, alone.rule_id) == ("inconclusive", "dns/wrong_server")


def only_the_false_one_fails(step: Ask) -> ControlAnswer:
    """Controls meet the forger's certificate at his address, and shake hands at the others."""
    tls = tuple((f"{a}:443", "ssl_unknown_authority" if a == HERE4 else "") for a in step.addresses)
    return replace(Net(dns={}).told(step), tls=tls)


def lying(**changes: Any) -> Net:
    """Every plain resolver leads to a server of the forger's own."""
    return Net(cut_shake={"trust": "self_signed", "chain": ("forged",)}, told=only_the_false_one_fails, **changes)


FALSE: dict[str, tuple[str, ...] | str] = {**HONEST, "doh": (THERE4,)}
AT_THE_FORGER = {HERE4: ("tls", "ssl_unknown_authority")}


def test_a_forger_whose_victim_is_out_of_reach_as_well_is_no_sign_that_the_service_is_down() -> None:
    net = lying(dns=FALSE | {"public": (THERE4,)}, cuts=AT_THE_FORGER | {THERE4: ("connect", TIMEOUT)})
    found = verdict_on(net)
    assert (found.outcome, found.block_type) == ("blocked", "ip.blackhole")
    sites = group([endpoint(), endpoint("https://other.example/", target_id="o.web.main", service="o")])
    book = Book("r")
    for site in sites:
        walk(site, net, book=book)
    both, _ = judge([book.case(site) for site in sites], {}, bench())
    assert {(v.block_type, v.rule_id) for v in both} == {("dns.forged", "dns/wrong_server_for_many")}
    assert "ip.blackhole" in {word for v in both for word in v.also}


def test_what_controls_meet_at_an_address_of_nobody_else_does_not_blame_the_service() -> None:
    for doh in (TIMEOUT, (THERE4,)):
        found = verdict_on(lying(dns=FALSE | {"doh": doh}, cuts=AT_THE_FORGER))
        assert (found.outcome, found.rule_id) == ("inconclusive", "dns/dead_answer")
    found = verdict_on(lying(dns=FALSE | {"doh": "dns_nxdomain_error"}, cuts=AT_THE_FORGER))
    assert (found.outcome, found.rule_id) == ("inconclusive", "dns/known_here_only")
    found = verdict_on(lying(dns=FALSE | {"doh": (HERE4,)}, cuts=AT_THE_FORGER))
    assert (found.outcome, found.rule_id) == ("down", "tls/controls_fail_too")
