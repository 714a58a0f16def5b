"""Whole stories, from the network's behaviour to the verdict; and how findings become targets, targets services."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from made_up_net import FRAME, Net
from made_up_verdicts import HONEST, cut, run_context, verdict_on
from observations import (
    EOF,
    HERE4,
    HOST,
    NEAR4,
    REFUSED,
    RESET,
    THERE4,
    TIMEOUT,
    WELL,
    endpoint,
    expecting,
    lookup,
    site_of,
    visit_to,
)
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer
from probe.core.tables.block_types import BLOCK_TYPES, BlockTypeId
from probe.core.tables.outcomes import NOT_ATTEMPTED, Outcome
from probe.instruments.steps import AskControl
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.verdicts.classify import judge_run
from probe.judge.verdicts.site_case import SiteCase
from stories import (
    CLEAR,
    DENIED,
    DENIED_TWICE,
    EXPECTING,
    FORGED,
    NXDOMAIN,
    PLAIN,
    SILENT,
    STORIES,
    UNPLACED,
    failing_too,
    other_page,
)

ALONE = replace(FRAME, controls=())


@pytest.mark.parametrize(("net", "outcome", "block_type", "rule_id"), STORIES.values(), ids=STORIES)
def test_a_story_over_tls(net: Net, outcome: Outcome, block_type: str, rule_id: str) -> None:
    found = verdict_on(net)
    assert (found.outcome, found.block_type, found.rule_id) == (outcome, block_type, rule_id)
    assert bool(found.evidence) == (outcome != NOT_ATTEMPTED)
    assert found.reason, "why, or for whose programs it is ok"


@pytest.mark.parametrize(("net", "outcome", "block_type", "rule_id"), CLEAR.values(), ids=CLEAR)
def test_a_story_in_the_clear(net: Net, outcome: Outcome, block_type: str, rule_id: str) -> None:
    found = verdict_on(net, EXPECTING)
    assert (found.outcome, found.block_type, found.rule_id) == (outcome, block_type, rule_id)


@pytest.mark.parametrize(("net", "of", "cause", "rule_id"), [
    (cut("tls", RESET), endpoint(), "tls.reset.sni", "tls/reset_sni_control"),
    (cut("tls", TIMEOUT), endpoint(), "tls.mute.sni", "tls/mute_sni_control"),
    (Net(dns=DENIED), endpoint(), "dns.nxdomain", "dns/denied_here_only"),
    (Net(dns=SILENT | {"alive": (NEAR4,)}), endpoint(), "dns.timeout", "dns/unanswered_here_only"),
    (cut("http", RESET), EXPECTING, "http.reset.host", "http/reset_host_control"),
])
def test_what_is_not_placed_is_kept_as_a_suspicion(net: Net, of: Endpoint, cause: str, rule_id: str) -> None:
    found = verdict_on(net, of)
    assert (found.suspected, found.basis) == (cause, "")
    assert found.rules[1] == rule_id


def filters_page(scope: str, **changes: Any) -> Net:
    """A page in the clear that a fingerprint of this scope knows, while controls are served the service's."""
    page = {"title": "Web Page Blocked", "body_bytes": 500, "fingerprint": "box", "fingerprint_scope": scope}
    return Net(dns=HONEST, page=page, **{"told": other_page} | changes)


def same_page(step: AskControl) -> ControlAnswer:
    return replace(other_page(step), http_title="Web Page Blocked", http_body_bytes=500)


@pytest.mark.parametrize(("net", "cc", "outcome", "rule_id"), [
    (filters_page("national XA"), "XA", "blocked", "http/known_blockpage"),
    (filters_page("national XA"), "XB", "inconclusive", "path/unplaced"),
    (filters_page("product"), "XA", "inconclusive", "path/unplaced"),
    (filters_page("product", told=same_page), "XA", "ok", "http/same_as_control"),
    (filters_page("national XA", told=failing_too), "XB", "down", "http/controls_fail_too"),
    (filters_page("vague"), "XA", "inconclusive", "path/too_few"),
    (filters_page("fp"), "XA", "inconclusive", "http/page_of_servers"),
    (filters_page("fp", told=same_page), "XA", "ok", "http/same_as_control"),
])
def test_a_filters_page_convicts_at_home_and_elsewhere_with_a_control(
    net: Net, cc: str, outcome: Outcome, rule_id: str,
) -> None:
    found = verdict_on(net, endpoint(PLAIN), cc=cc)
    assert (found.outcome, found.rule_id) == (outcome, rule_id)
    alone = verdict_on(net, endpoint(PLAIN), cc=cc, context=ALONE)
    assert (alone.outcome == "blocked") == (rule_id == "http/known_blockpage")


CDN: dict[str, tuple[str, ...] | str] = HONEST | {"doh": (THERE4,), "dark": (HERE4,), "innocent": (NEAR4,)}
"""A name that answers by region, behind a router that answers every DNS question itself."""


@pytest.mark.parametrize(("url", "outcome"), [
    (f"https://{HOST}/", "ok"), (PLAIN, "ok"), (f"tcpconnect://{HOST}:5222", "ok"), (f"dnslookup:///{HOST}", "ok"),
])
def test_a_router_that_answers_for_everybody_is_no_censor(url: str, outcome: Outcome) -> None:
    net = Net(dns=CDN, page={"met_expectation": "yes"})
    assert verdict_on(net, expecting(url, body=("chat",))).outcome == outcome
    refused = verdict_on(Net(dns=CDN, cuts={HERE4: ("connect", REFUSED)}, told=failing_too), endpoint(url))
    assert refused.outcome != "blocked"


HERE_ALONE: dict[str, tuple[str, ...] | str] = dict.fromkeys(HONEST, NXDOMAIN) | {
    "system": (HERE4,), "network": (HERE4,), "alive": (NEAR4,)}
"""The network's resolver gives an address for a name that trusted resolvers deny."""


@pytest.mark.parametrize(("changes", "outcome", "rule_id"), [
    ({"trust": "web_pki"}, "ok", "tls/proven"), ({"trust": "record"}, "inconclusive", "dns/known_here_only"),
])
def test_who_answers_under_a_name_that_does_not_exist_must_prove_himself(
    changes: dict[str, Any], outcome: Outcome, rule_id: str,
) -> None:
    found = verdict_on(Net(dns=HERE_ALONE, page={"title": "Buy this name"}), endpoint(**changes))
    assert (found.outcome, found.rule_id) == (outcome, rule_id)


# ---- with less to go by

@pytest.mark.parametrize(("net", "outcome", "block_type"), [
    (cut("tls", RESET), *UNPLACED), (cut("tls", EOF), "inconclusive", "inconclusive.no_control"),
    (cut("connect", TIMEOUT), "inconclusive", "inconclusive.no_control"),
    (cut("http", RESET), "inconclusive", "inconclusive.no_control"),
    (Net(dns=DENIED), *UNPLACED), (Net(dns=DENIED_TWICE), *UNPLACED),
])
def test_without_helpers_only_what_convicts_by_itself_is_claimed(net: Net, outcome: Outcome, block_type: str) -> None:
    found = verdict_on(net, context=ALONE)
    assert (found.outcome, found.block_type) == (outcome, block_type)


@pytest.mark.parametrize("net", [cut("tls", RESET), cut("connect", TIMEOUT), cut("http", RESET)])
def test_an_operator_that_refuses_places_is_not_called_blocked(net: Net) -> None:
    refusing = replace(endpoint(), self_block="CU IR")
    for cc in ("IR", "ZZ"):  # in an unknown country it may be either
        found = verdict_on(net, refusing, cc=cc)
        assert (found.outcome, found.block_type) == ("inconclusive", "inconclusive.control_doubtful")
    assert verdict_on(net, refusing, cc="RU") == verdict_on(net)


def test_a_dead_resolver_is_the_cause_of_what_it_does_not_resolve() -> None:
    found = verdict_on(Net(dns=DENIED), ladder=replace(WELL, resolver="failing"))
    assert (found.outcome, found.block_type) == ("local", "local.resolver")


@pytest.mark.parametrize(("ladder", "cause"), [
    (LadderEvidence(link=False), "local.offline"), (replace(WELL, altered=2), "local.captive_portal"),
])
def test_where_the_network_stops_no_service_is_spoken_of(ladder: LadderEvidence, cause: BlockTypeId) -> None:
    found = verdict_on(cut("tls", RESET), ladder=ladder)
    assert (found.outcome, found.block_type, found.also) == (BLOCK_TYPES[cause].outcome, cause, ())


def test_what_stands_behind_a_forged_answer_is_told_too() -> None:
    found = verdict_on(cut("tls", RESET, FORGED))
    assert (found.block_type, found.also) == ("dns.forged", ())  # the second is a suspicion, no cause


# ---- what was not tried

@pytest.mark.parametrize("url", [f"https://{HOST}/", PLAIN, f"dnslookup:///{HOST}", f"tlshandshake://{HOST}:443",
                                 f"tcpconnect://{HOST}:5222"])
def test_what_the_run_had_no_time_for_is_not_attempted(url: str) -> None:
    site = site_of(endpoint(url))
    for case in (SiteCase(site=site), SiteCase(site=site, dns=(lookup(resolver="dark", reason="deadline"),))):
        (found,), _ = judge_run([case], {}, run_context())
        assert (found.outcome, found.reason) == (NOT_ATTEMPTED, "the run ended before it was tried")


def test_a_name_that_resolved_too_late_to_be_visited_is_not_attempted() -> None:
    (found,), _ = judge_run([SiteCase(site=site_of(), dns=(lookup(HERE4),))], {}, run_context())
    assert (found.outcome, found.reason) == (NOT_ATTEMPTED, "the run ended before it was tried")
    (found,), _ = judge_run([SiteCase(site=site_of(), dns=(lookup("2606:2800::1"),))], {}, run_context())
    assert (found.outcome, "famil" in found.reason) == (NOT_ATTEMPTED, True)


def test_a_page_that_was_never_asked_for_is_not_ok() -> None:
    asked, other = endpoint(), endpoint(f"https://{HOST}/b", target_id="chat.web.b")
    visits = [o for n in (1, 2, 3) for o in visit_to(until="http", failure=RESET, attempt=n)]
    case = SiteCase(site=site_of(asked, other), dns=(lookup(HERE4),), visits=tuple(visits))
    found, _ = judge_run([case], {}, run_context())
    assert {v.target_id: v.outcome for v in found} == {"chat.web.main": "inconclusive", "chat.web.b": NOT_ATTEMPTED}


def test_a_skipped_endpoint_has_its_reason() -> None:
    (found,), _ = judge_run([], {PLAIN: (endpoint(PLAIN), "opted out")}, run_context())
    assert (found.outcome, found.reason) == (NOT_ATTEMPTED, "opted out")


# ---- what should not be there

def names_only(**changes: Any) -> Endpoint:
    return endpoint(f"dnslookup:///{HOST}", **changes)


@pytest.mark.parametrize(("dns", "outcome", "block_type"), [
    (HONEST, "down", "server.retired"), (dict.fromkeys(HONEST, NXDOMAIN), "down", "server.retired"),
    (FORGED, "down", "server.retired"),
])
def test_a_closed_service_is_never_blocked(dns: dict[str, Any], outcome: Outcome, block_type: str) -> None:
    found = verdict_on(Net(dns=dns), names_only(status="dead"), context=ALONE)
    assert (found.outcome, found.block_type) == (outcome, block_type)
    assert found.also == (("dns.forged",) if dns is FORGED else ())


@pytest.mark.parametrize(("dns", "outcome"), [
    (dict.fromkeys(HONEST, NXDOMAIN), "ok"), (HONEST, "local"),
    (dict.fromkeys(HONEST, TIMEOUT) | {"alive": (NEAR4,)}, "inconclusive"),
])
def test_a_name_that_must_not_exist(dns: dict[str, Any], outcome: Outcome) -> None:
    absent = expecting(f"dnslookup:///{HOST}", status=("NXDOMAIN",))
    assert verdict_on(Net(dns=dns), absent, context=ALONE).outcome == outcome


def test_addresses_blocked_nearby_do_not_blame_this_one() -> None:
    net = Net(dns=dict.fromkeys(HONEST, (HERE4, NEAR4)), cuts={NEAR4: ("connect", TIMEOUT)})
    found = verdict_on(net)
    assert (found.outcome, found.block_type, found.partial) == ("blocked", "ip.blackhole", True)
