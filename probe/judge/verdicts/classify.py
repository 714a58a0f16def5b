"""From everything a run saw to one verdict per target: pure, the same on any machine, any year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from probe.core.endpoints import Endpoint
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe.core.tables.untested_words import LINE_DARK, PAGE_UNASKED, RAN_OUT
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.judge.common.rule import Decision, decide
from probe.judge.dns.dns_evidence import DENIALS
from probe.judge.dns.dns_rules import NAME_TABLE
from probe.judge.dns.name_context import NameEvidence
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.network.network_rules import NETWORK_TABLE, STOPS
from probe.judge.odds.run_odds import Decisions, add_odds
from probe.judge.path.bare_path import without_controls
from probe.judge.path.path_context import PathContext
from probe.judge.path.path_evidence import PathEvidence
from probe.judge.path.path_rules import PATH_TABLE
from probe.judge.verdicts.combine import combine_endpoints, combine_paths
from probe.judge.verdicts.confidence import (
    WORDS_ABOUT_NAMES,
    WORDS_OF_CONTROLS,
    limit_confidence,
    limit_ok,
    limit_place,
)
from probe.judge.verdicts.dark_cases import leave_out_dark
from probe.judge.verdicts.earlier_places import NO_PLACES, EarlierPlaces, find_earlier_place, with_earlier_place
from probe.judge.verdicts.judged_endpoint import JudgedEndpoint, PathVerdict
from probe.judge.verdicts.role_verdicts import judge_services
from probe.judge.verdicts.rule_verdict import (
    add_causes,
    make_bare_verdict,
    make_name_verdict,
    make_network_verdict,
    make_not_attempted,
    make_path_verdict,
)
from probe.judge.verdicts.site_case import CrossSiteEvidence, RunContext, SiteCase, gather_cross_site_evidence
from probe.judge.verdicts.site_company import (
    TriedEndpoint,
    find_name_company,
    gather_companies,
    with_company,
)
from probe.judge.verdicts.site_evidence import explain_no_path, gather_name_evidence, gather_paths
from probe.judge.verdicts.site_loss import add_loss, gather_site_losses
from probe.judge.verdicts.site_places import gather_causes, with_causes

RETIRED = "the operator closed the service"
ANSWERED_FOR_EVERYBODY = "a name that does not exist is answered"


def judge_run(cases: Sequence[SiteCase], skipped: Mapping[str, tuple[Endpoint, str]], run: RunContext, *,
              earlier: EarlierPlaces = NO_PLACES) -> tuple[tuple[Verdict, ...], tuple[ServiceVerdict, ...]]:
    """Verdicts of every target, then of every service and role. `skipped`: input -> (endpoint, why not tried);
    `earlier`: what runs of the last 24 hours in this network found."""
    found = judge_endpoints(cases, skipped, run, earlier=earlier)
    verdicts = add_odds(tuple(map(combine_endpoints, found.values())), list_decisions(found), cc=run.cc, lab=run.lab)
    return verdicts, judge_services(found, run.quorums, run.worths)


def list_decisions(found: Mapping[str, Sequence[JudgedEndpoint]]) -> Decisions:
    """Which rules held at each endpoint, for the odds."""
    return {target: [(m.endpoint.input, decision) for m in members for decision in m.decisions]
            for target, members in found.items()}


def judge_endpoints(cases: Sequence[SiteCase], skipped: Mapping[str, tuple[Endpoint, str]], run: RunContext, *,
                    earlier: EarlierPlaces = NO_PLACES) -> dict[str, list[JudgedEndpoint]]:
    """Target -> its endpoints, judged; also those that were not tried."""
    network = decide(NETWORK_TABLE, run.ladder)
    found: dict[str, list[JudgedEndpoint]] = {}
    if network.rule.block_type in STOPS and not run.ladder.went_dark:
        judged = [JudgedEndpoint(endpoint=endpoint, verdict=make_network_verdict(endpoint, network),
                                 decisions=(network,)) for case in cases for endpoint in case.site.endpoints]
    else:
        judged = _judge_sites(cases, run, earlier)
    for one in judged:
        found.setdefault(one.endpoint.target_id, []).append(one)
    for endpoint, why in skipped.values():
        found.setdefault(endpoint.target_id, []).append(_untried(endpoint, why))
    return found


def _judge_sites(cases: Sequence[SiteCase], run: RunContext, earlier: EarlierPlaces) -> list[JudgedEndpoint]:
    """All evidence is gathered before any is judged: whose failures are alike takes all of them to tell."""
    cases = [leave_out_dark(case, run.ladder.dark) for case in cases] if run.ladder.dark else cases
    across = gather_cross_site_evidence(cases, run)
    losses = gather_site_losses(cases)
    tried = [TriedEndpoint(case=case, endpoint=endpoint, paths=[
                 _add_pages(add_loss(path, case, losses), case, across)
                 for path in gather_paths(case, endpoint, run, across)])
             for case in cases for endpoint in case.site.endpoints]
    across = replace(across, companies=gather_companies(tried, run, across))
    causes = gather_causes(tried)
    completed = [with_company(with_causes(one, causes), run, across) for one in tried]
    return [_judge_again(one, _judge_endpoint(one, run, across), run, across, earlier) for one in completed]


def _add_pages(path: PathEvidence, case: SiteCase, across: CrossSiteEvidence) -> PathEvidence:
    found = across.slow_pages.get((case.site.host, case.site.port, path.address))
    return replace(path, lasting=replace(path.lasting, pages=found)) if found else path


def _judge_again(one: TriedEndpoint, found: JudgedEndpoint, run: RunContext, across: CrossSiteEvidence,
                 earlier: EarlierPlaces) -> JudgedEndpoint:
    where = find_earlier_place(found, earlier)
    return found if where is None else _judge_endpoint(with_earlier_place(one, where), run, across)


def _judge_endpoint(one: TriedEndpoint, run: RunContext, across: CrossSiteEvidence) -> JudgedEndpoint:
    case, endpoint = one.case, one.endpoint
    paths = [decide(PATH_TABLE, PathContext(path=p, ladder=run.ladder, self_block=_refuses(endpoint, run.cc)))
             for p in one.paths]
    judged = [(d.evidence.path, _of_path(endpoint, d)) for d in paths]
    evidence = gather_name_evidence(case, run, across, judged)
    evidence = replace(evidence, company=find_name_company(evidence.dns, endpoint, run, across))
    if case.site.has_name and not evidence.dns.asked:
        return _untried(endpoint, LINE_DARK if case.in_the_dark else RAN_OUT)
    name = decide(NAME_TABLE, evidence)
    found = _of_name_and_paths(case, endpoint, name, judged, run.ladder)
    return replace(found, decisions=(name, *paths))


def _of_path(endpoint: Endpoint, decision: Decision[PathContext]) -> Verdict:
    path = decision.evidence.path
    sure = limit_confidence(decision, _strip_path, networks=path.controls.networks)
    return _limit(make_path_verdict(endpoint, decision), sure, limit_ok(decision.rule.outcome, path),
                  limit_place(decision))


def _limit(verdict: Verdict, *limits: float) -> Verdict:
    """The verdict, no surer than any of these."""
    most = min(limits)
    return replace(verdict, confidence=most) if most < verdict.confidence else verdict


def _strip_path(context: PathContext) -> PathContext:
    return replace(context, path=without_controls(context.path))


def _strip_name(name: NameEvidence) -> NameEvidence:
    return replace(name, dns=replace(name.dns, control_ok=0, control_denying=0, controls_asked=0))


def _of_name(case: SiteCase, endpoint: Endpoint, decision: Decision[NameEvidence]) -> Verdict:
    dns = decision.evidence.dns
    words = WORDS_OF_CONTROLS if dns.trusted_ok or dns.trusted_denying else WORDS_ABOUT_NAMES
    sure = limit_confidence(decision, _strip_name, networks=max(dns.control_ok, dns.control_denying), words=words)
    return _limit(make_name_verdict(endpoint, decision, tuple(o.observation_id for o in case.dns)), sure)


def _of_name_and_paths(case: SiteCase, endpoint: Endpoint, name: Decision[NameEvidence], judged: Sequence[PathVerdict],
                       ladder: LadderEvidence) -> JudgedEndpoint:
    """A block of the name decides; where the name is well, its addresses do."""
    here = [(p, v) for p, v in judged if p.source != "trusted"]
    behind = [(p, v) for p, v in judged if p.source == "trusted"]
    dns = _of_name(case, endpoint, name)
    of_name = JudgedEndpoint(endpoint=endpoint, verdict=dns)
    if endpoint.status == "dead" or "NXDOMAIN" in endpoint.expect.status:
        return replace(of_name, verdict=_expected_absence(endpoint, dns, name.evidence))
    if dns.outcome == "blocked":
        found = add_causes(dns, tuple(v.block_type for _, v in behind if v.outcome == "blocked"))
        return replace(of_name, verdict=replace(found, partial=any(v.outcome == "ok" for _, v in here)))
    reached_here = any(v.outcome == "ok" for _, v in here) and not name.evidence.may_be_anybody
    if dns.outcome == "ok" or (dns.outcome == "inconclusive" and reached_here):
        if case.site.kind == "dns":
            return of_name
        reached = combine_paths(endpoint, here or behind)
        if reached.verdict.outcome == "ok" and all(p.depth < p.needs for p, _ in judged):
            return _untried(endpoint, PAGE_UNASKED)
        if reached.verdict.outcome == NOT_ATTEMPTED:
            return _untried(endpoint, explain_no_path(case, name.evidence, ladder))
        return reached
    blocked = [(p, v) for p, v in behind if v.outcome == "blocked"]
    return combine_paths(endpoint, blocked) if dns.outcome == "inconclusive" and blocked else of_name


def _untried(endpoint: Endpoint, reason: str) -> JudgedEndpoint:
    return JudgedEndpoint(endpoint=endpoint, verdict=make_not_attempted(endpoint, reason))


def _refuses(endpoint: Endpoint, cc: str) -> bool:
    """Whether the operator is known to refuse this country; where the country is unknown, whether it refuses any."""
    return cc in endpoint.self_block.split() or (cc == "ZZ" and bool(endpoint.self_block))


def _expected_absence(endpoint: Endpoint, dns: Verdict, name: NameEvidence) -> Verdict:
    """A closed service, or a name that must not exist: absence is right; only a false answer is a finding.

    Nobody can be kept from what is closed: a false answer for its name is told behind that.
    """
    false = dns.outcome == "blocked" and bool(name.dns.bogus or name.dns.fingerprint)
    if endpoint.status == "dead" and dns.outcome != "local":
        return replace(make_bare_verdict(endpoint, "down"), block_type="server.retired", rule_id="dns/service_closed",
                       confidence=0.95, evidence=dns.evidence, reason=RETIRED,
                       also=(dns.block_type,) if false else ())
    if false or dns.outcome == "local":
        return dns
    if name.dns.network in DENIALS:
        return replace(make_bare_verdict(endpoint, "ok"), rule_id="dns/stays_unknown", confidence=0.9,
                       evidence=dns.evidence)
    if name.dns.network == "ok":
        return replace(make_bare_verdict(endpoint, "local"), block_type="local.interception",
                       rule_id="dns/answers_for_everybody", confidence=0.8, evidence=dns.evidence,
                       reason=ANSWERED_FOR_EVERYBODY)
    return dns
