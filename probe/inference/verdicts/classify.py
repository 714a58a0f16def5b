"""From everything a run saw to one verdict per target: pure, the same on any machine, any year."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from probe.catalogue.sites import Site
from probe.core.addresses import is_private, may_connect
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer, Observation
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe.core.tables.protocols import DATAGRAMS
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.inference.evidence.datagram_evidence import Around, datagram_evidence
from probe.inference.evidence.dns_evidence import dns_evidence
from probe.inference.evidence.hop_evidence import located
from probe.inference.evidence.ladder_evidence import LadderEvidence
from probe.inference.evidence.path_evidence import PathEvidence, path_evidence, place_of
from probe.inference.evidence.shape_evidence import Dislike, dislikes, others_alike
from probe.inference.evidence.shared_answers import shared_answers
from probe.inference.evidence.shared_pages import SharedPage, is_shared, unexpected_pages
from probe.inference.evidence.udp_evidence import Other, places
from probe.inference.evidence.unanswered import asked_of, unlucky
from probe.inference.evidence.visit_outcomes import NETWORK_PURPOSES
from probe.inference.rules.dns_rules import DNS_RULES
from probe.inference.rules.name_context import NameEvidence
from probe.inference.rules.network_rules import NETWORK_RULES, STOPS
from probe.inference.rules.path_context import PathContext
from probe.inference.rules.path_rules import PATH_RULES
from probe.inference.rules.rule import Decision, decide
from probe.inference.verdicts.combine import combine_endpoints, combine_paths
from probe.inference.verdicts.judged_endpoint import JudgedEndpoint, PathVerdict
from probe.inference.verdicts.role_verdicts import Quorum, service_verdicts
from probe.inference.verdicts.rule_verdict import (
    bare_verdict,
    name_verdict,
    network_verdict,
    not_attempted,
    path_verdict,
    with_also,
)

FOREIGN = ("self_signed", "unknown_issuer", "wrong_name")
RAN_OUT = "the run ended before it was tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCase:
    """Everything that bears on one site."""

    site: Site
    dns: tuple[Observation, ...] = ()
    visits: tuple[Observation, ...] = ()
    around: tuple[Observation, ...] = ()
    controls: tuple[ControlAnswer, ...] = ()
    traces: tuple[Observation, ...] = ()
    """How far attempts to connect get, at the site's addresses and, for comparison, elsewhere."""
    flows: tuple[Observation, ...] = ()
    """Transfers for the sake of this site: its own, and those they are compared with."""
    lent: tuple[Observation, ...] = ()
    """Its own transfers that others were compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What all cases of a run share."""

    ladder: LadderEvidence
    quorums: Mapping[tuple[str, str], Quorum]
    cc: str
    """Country of the vantage; ZZ when it is not known."""
    private_roots: Mapping[str, str]
    """Trust word -> organisation of its private authority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossSiteEvidence:
    """What other sites of the run show that bears on one."""

    others: Sequence[Other]
    """Every place that was asked over UDP."""
    disliked: frozenset[Dislike]
    pages: frozenset[SharedPage] = frozenset()
    """Those that were not expected of whom they came from."""
    shared_answers: frozenset[str] = frozenset()
    """Addresses that the network gives for names of unrelated services, and trusted resolvers for none of them."""
    unlucky: frozenset[str] = frozenset()
    """Names about which silence may be chance: so are questions about others lost."""


def judge(cases: Sequence[SiteCase], skipped: Mapping[str, tuple[Endpoint, str]], run: RunContext,
          ) -> tuple[tuple[Verdict, ...], tuple[ServiceVerdict, ...]]:
    """Verdicts of every target, then of every service and role. `skipped`: input -> (endpoint, why not tried)."""
    found = judge_endpoints(cases, skipped, run)
    return tuple(map(combine_endpoints, found.values())), service_verdicts(found, run.quorums)


def judge_endpoints(cases: Sequence[SiteCase], skipped: Mapping[str, tuple[Endpoint, str]], run: RunContext,
                    ) -> dict[str, list[JudgedEndpoint]]:
    """Target -> its endpoints, judged; also those that were not tried."""
    network = decide(NETWORK_RULES, run.ladder)
    across = _across_sites(cases, run.ladder)
    found: dict[str, list[JudgedEndpoint]] = {}
    for case in cases:
        for endpoint in case.site.endpoints:
            if network.rule.block_type in STOPS:
                judged = JudgedEndpoint(endpoint=endpoint, verdict=network_verdict(endpoint, network.rule),
                                        decisions=(network,))
            else:
                judged = _judge_endpoint(case, endpoint, run, across)
            found.setdefault(endpoint.target_id, []).append(judged)
    for endpoint, why in skipped.values():
        found.setdefault(endpoint.target_id, []).append(_untried(endpoint, why))
    return found


def _across_sites(cases: Sequence[SiteCase], ladder: LadderEvidence) -> CrossSiteEvidence:
    disliked = frozenset().union(*(dislikes(case.site, case.visits, case.around) for case in cases))
    others = places(o for case in cases if case.site.kind in DATAGRAMS for o in (*case.visits, *case.around))
    pages = frozenset().union(*(unexpected_pages(case.site, case.visits) for case in cases))
    answers = ((case.site.endpoints[0].service, dns_evidence(case.dns, case.controls)) for case in cases)
    asked = {case.site.host: asked_of(case.dns) for case in cases if case.site.named}
    return CrossSiteEvidence(others=others, disliked=disliked, pages=pages, shared_answers=shared_answers(answers),
                             unlucky=unlucky(asked, ladder.asked))


def _judge_endpoint(case: SiteCase, endpoint: Endpoint, run: RunContext, across: CrossSiteEvidence) -> JudgedEndpoint:
    paths = [decide(PATH_RULES, PathContext(path=p, ladder=run.ladder, self_block=_refuses(endpoint, run.cc)))
             for p in _paths(case, endpoint, run, across)]
    judged = [(d.evidence.path, path_verdict(endpoint, d.rule, d.evidence.path)) for d in paths]
    evidence = _name_evidence(case, run, across, judged)
    if case.site.named and not evidence.dns.asked:
        return _untried(endpoint, RAN_OUT)
    name = decide(DNS_RULES, evidence)
    found = _of_name_and_paths(case, endpoint, name, judged, run.ladder)
    return replace(found, decisions=(name, *paths))


def _of_name_and_paths(case: SiteCase, endpoint: Endpoint, name: Decision[NameEvidence], judged: Sequence[PathVerdict],
                       ladder: LadderEvidence) -> JudgedEndpoint:
    """A block of the name decides; where the name is well, its addresses do."""
    here = [(p, v) for p, v in judged if p.source != "trusted"]
    behind = [(p, v) for p, v in judged if p.source == "trusted"]
    dns = name_verdict(endpoint, name.rule, name.evidence.dns, tuple(o.observation_id for o in case.dns))
    of_name = JudgedEndpoint(endpoint=endpoint, verdict=dns)
    if endpoint.status == "dead" or "NXDOMAIN" in endpoint.expect.status:
        return replace(of_name, verdict=_expected_absence(endpoint, dns, name.evidence))
    if dns.outcome == "blocked":
        found = with_also(dns, tuple(v.block_type for _, v in behind if v.outcome == "blocked"))
        return replace(of_name, verdict=replace(found, partial=any(v.outcome == "ok" for _, v in here)))
    reached_here = any(v.outcome == "ok" for _, v in here) and not name.evidence.may_be_anybody
    if dns.outcome == "ok" or (dns.outcome == "inconclusive" and reached_here):
        if case.site.kind == "dns":
            return of_name
        reached = combine_paths(endpoint, here or behind)
        if reached.verdict.outcome == "ok" and all(p.depth < p.needs for p, _ in judged):
            return _untried(endpoint, "the site answered, and this page of it was never asked for")
        if reached.verdict.outcome == NOT_ATTEMPTED:
            return _untried(endpoint, _why_no_path(case, name.evidence, ladder))
        return reached
    blocked = [(p, v) for p, v in behind if v.outcome == "blocked"]
    return combine_paths(endpoint, blocked) if dns.outcome == "inconclusive" and blocked else of_name


def _untried(endpoint: Endpoint, reason: str) -> JudgedEndpoint:
    return JudgedEndpoint(endpoint=endpoint, verdict=not_attempted(endpoint, reason))


def _refuses(endpoint: Endpoint, cc: str) -> bool:
    """Whether the operator is known to refuse this country; where the country is unknown, whether it refuses any."""
    return cc in endpoint.self_block.split() or (cc == "ZZ" and bool(endpoint.self_block))


def _paths(case: SiteCase, endpoint: Endpoint, run: RunContext, across: CrossSiteEvidence) -> list[PathEvidence]:
    addresses = dict.fromkeys(o.address for o in case.visits if o.purpose in NETWORK_PURPOSES and o.address)
    if case.site.kind in DATAGRAMS:
        around = Around(near=case.around, controls=case.controls, traces=case.traces, others=across.others,
                        private_root=run.private_roots.get(case.site.trust, ""),
                        nat64_prefix=run.ladder.nat64_prefix)
        return [datagram_evidence(case.site, endpoint, address, case.visits, around) for address in addresses]
    found = [
        path_evidence(case.site, endpoint, address, visits=case.visits, around=case.around, controls=case.controls,
                      traces=case.traces, flows=case.flows, lent=case.lent,
                      private_root=run.private_roots.get(case.site.trust, ""),
                      nat64_prefix=run.ladder.nat64_prefix, cc=run.cc)
        for address in addresses
    ]
    return [_in_company(p, case, endpoint, across, addresses) for p in found]


def _in_company(path: PathEvidence, case: SiteCase, endpoint: Endpoint, across: CrossSiteEvidence,
                addresses: Iterable[str]) -> PathEvidence:
    """The path with what other sites of the run show of it."""
    if path.shapes.passed:
        alike = others_alike(across.disliked, endpoint.service, addresses)
        path = replace(path, shapes=replace(path.shapes, others_alike=alike))
    if path.stage == "page":
        mine = [page for page in unexpected_pages(case.site, case.visits) if page.address == path.address]
        path = replace(path, page_of_others=is_shared(across.pages, endpoint.service, mine))
    return path


def _name_evidence(case: SiteCase, run: RunContext, across: CrossSiteEvidence,
                   judged: Sequence[PathVerdict]) -> NameEvidence:
    evidence = dns_evidence(case.dns, case.controls, nat64_prefix=run.ladder.nat64_prefix, cc=run.cc)
    here = [(p, v) for p, v in judged if p.source == "network"]
    behind = [(p, v) for p, v in judged if p.source == "trusted"]
    behind_works = any(v.outcome == "ok" or p.proven for p, v in behind)
    shown = {o.trust for o in case.around if o.purpose == "port" and o.operation == "tls_handshake"
             and o.hostname == case.site.host and o.address in evidence.network_answers}
    wrong = any(p.trust in FOREIGN for p, _ in here) or bool(shown.intersection(FOREIGN))
    wrong_page = behind_works and any(
        not p.secure and p.kind == "http" and (p.stage == "page" or p.control_page_differs) for p, _ in here)
    searches = [o for o in case.traces if o.port == 53 and o.input in {e.input for e in case.site.endpoints}]
    evidence = replace(evidence, located=located(searches, case.site.host))
    return NameEvidence(
        dns=evidence, resolver_dead=run.ladder.resolver in ("dead", "failing"),
        validated="valid" in shown or any(
            v.outcome == "ok" and (p.proven or (p.met == "yes" and p.content_known)) for p, v in here),
        wrong_server=wrong or wrong_page, shared_answer=bool(evidence.network_answers & across.shared_answers),
        dead_answer=bool(here) and all(p.stage == "connect" and not p.control_ok for p, _ in here),
        trusted_reached=behind_works or _shakes_hands(case, evidence.trusted_answers),
        blamed=(any(v.outcome == "down" and not p.proven for p, v in here)
                and not any(v.outcome == "down" for _, v in behind)),
        unlucky=case.site.host in across.unlucky,
    )


def _shakes_hands(case: SiteCase, addresses: Iterable[str]) -> bool:
    """Whether a control completes a valid TLS handshake with the service at one of these addresses."""
    places = {place_of(address, case.site.port) for address in addresses}
    return any(not failure and place in places
               for c in case.controls if c.state == "answered" and not c.before for place, failure in c.tls)


def _expected_absence(endpoint: Endpoint, dns: Verdict, name: NameEvidence) -> Verdict:
    """A closed service, or a name that must not exist: absence is right; only a false answer is a finding.

    Nobody can be kept from what is closed: a false answer for its name is told behind that.
    """
    false = dns.outcome == "blocked" and bool(name.dns.bogus or name.dns.fingerprint)
    if endpoint.status == "dead" and dns.outcome != "local":
        return replace(bare_verdict(endpoint, "down"), block_type="server.retired", rule_id="dns/service_closed",
                       confidence=0.95, evidence=dns.evidence, reason="the operator closed the service",
                       also=(dns.block_type,) if false else ())
    if false or dns.outcome == "local":
        return dns
    if name.dns.network in ("nxdomain", "empty"):
        return replace(bare_verdict(endpoint, "ok"), rule_id="dns/stays_unknown", confidence=0.9,
                       evidence=dns.evidence)
    if name.dns.network == "ok":
        return replace(bare_verdict(endpoint, "local"), block_type="local.interception",
                       rule_id="dns/answers_for_everybody", confidence=0.8, evidence=dns.evidence,
                       reason="a name that does not exist is answered")
    return dns


def _why_no_path(case: SiteCase, name: NameEvidence, ladder: LadderEvidence) -> str:
    answers = name.dns.network_answers
    if answers and all(is_private(a) for a in answers):
        return "the name leads into private address space"
    usable = [a for a in answers if may_connect(a, ladder.nat64_prefix) and (ladder.ipv6 != "absent" or ":" not in a)]
    if case.site.named and not usable:
        return "no usable address in the address families of this network"
    return RAN_OUT
