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
from probe.inference.evidence.visit_outcomes import NETWORK_PURPOSES, must_not_answer
from probe.inference.rules.dns_rules import DNS_RULES, NameEvidence
from probe.inference.rules.network_rules import NETWORK_RULES, STOPS
from probe.inference.rules.path_context import Scene
from probe.inference.rules.path_rules import PATH_RULES
from probe.inference.rules.rule import first
from probe.inference.verdicts.combine import Finding, combine_endpoints, combine_paths
from probe.inference.verdicts.role_verdicts import Quorum, service_verdicts

FOREIGN = ("self_signed", "unknown_issuer", "wrong_name")
RAN_OUT = "the run ended before it was tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
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
class Bench:
    """What all cases of a run share."""

    ladder: LadderEvidence
    quorums: Mapping[tuple[str, str], Quorum]
    cc: str
    """Country of the vantage; ZZ when it is not known."""
    private_roots: Mapping[str, str]
    """Trust word -> organisation of its private authority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
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


def judge(cases: Sequence[Case], skipped: Mapping[str, tuple[Endpoint, str]], bench: Bench,
          ) -> tuple[tuple[Verdict, ...], tuple[ServiceVerdict, ...]]:
    """Verdicts of every target, then of every service and role. `skipped`: input -> (endpoint, why not tried)."""
    network = first(NETWORK_RULES, bench.ladder)
    disliked = frozenset().union(*(dislikes(case.site, case.visits, case.around) for case in cases))
    others = places(o for case in cases if case.site.kind in DATAGRAMS for o in (*case.visits, *case.around))
    pages = frozenset().union(*(unexpected_pages(case.site, case.visits) for case in cases))
    told = ((case.site.endpoints[0].service, dns_evidence(case.dns, case.controls)) for case in cases)
    asked = {case.site.host: asked_of(case.dns) for case in cases if case.site.named}
    company = Company(others=others, disliked=disliked, pages=pages, shared_answers=shared_answers(told),
                      unlucky=unlucky(asked, bench.ladder.asked))
    found: dict[str, list[tuple[Endpoint, Finding]]] = {}
    for case in cases:
        for endpoint in case.site.endpoints:
            if network.block_type in STOPS:
                finding = Finding.of(network, reason=network.why)
            else:
                finding = _judge_endpoint(case, endpoint, bench, company)
            found.setdefault(endpoint.target_id, []).append((endpoint, finding))
    for endpoint, why in skipped.values():
        found.setdefault(endpoint.target_id, []).append((endpoint, _not_attempted(why)))
    verdicts = tuple(combine_endpoints(target, members) for target, members in found.items())
    return verdicts, service_verdicts(found, bench.quorums)


def _judge_endpoint(case: Case, endpoint: Endpoint, bench: Bench, company: Company) -> Finding:
    paths = _paths(case, endpoint, bench, company)
    scenes = [(p, Scene(path=p, ladder=bench.ladder, self_block=_refuses(endpoint, bench.cc))) for p in paths]
    findings = [(p, Finding.of(first(PATH_RULES, scene), path=p)) for p, scene in scenes]
    here = [f for p, f in findings if p.source != "trusted"]
    behind = [f for p, f in findings if p.source == "trusted"]
    name = _name_evidence(case, bench, company, findings)
    if case.site.named and not name.dns.asked:
        return _not_attempted(RAN_OUT)
    told = Finding.of(first(DNS_RULES, name), dns=name.dns, evidence=tuple(o.observation_id for o in case.dns))
    if endpoint.status == "dead" or "NXDOMAIN" in endpoint.expect.status:
        return _expected_absence(endpoint, told, name)
    if told.outcome == "blocked":
        found = told.with_also(tuple(f.block_type for f in behind if f.outcome == "blocked"))
        return replace(found, partial=any(f.outcome == "ok" for f in here))
    reached_here = any(f.outcome == "ok" for f in here) and not name.may_be_anybody
    if told.outcome == "ok" or (told.outcome == "inconclusive" and reached_here):
        if case.site.kind == "dns":
            return told
        reached = combine_paths(here or behind, must_stay_closed=must_not_answer(endpoint))
        if reached.outcome == "ok" and all(p.depth < p.needs for p in paths):
            return _not_attempted("the site answered, and this page of it was never asked for")
        return reached if reached.outcome != NOT_ATTEMPTED else _not_attempted(_why_no_path(case, name, bench.ladder))
    blocked = [f for f in behind if f.outcome == "blocked"]
    return combine_paths(blocked) if told.outcome == "inconclusive" and blocked else told


def _not_attempted(reason: str) -> Finding:
    return Finding(outcome=NOT_ATTEMPTED, block_type="inconclusive.not_attempted", reason=reason)


def _refuses(endpoint: Endpoint, cc: str) -> bool:
    """Whether the operator is known to refuse this country; where the country is unknown, whether it refuses any."""
    return cc in endpoint.self_block.split() or (cc == "ZZ" and bool(endpoint.self_block))


def _paths(case: Case, endpoint: Endpoint, bench: Bench, company: Company) -> list[PathEvidence]:
    addresses = dict.fromkeys(o.address for o in case.visits if o.purpose in NETWORK_PURPOSES and o.address)
    if case.site.kind in DATAGRAMS:
        around = Around(near=case.around, controls=case.controls, traces=case.traces, others=company.others,
                        private_root=bench.private_roots.get(case.site.trust, ""),
                        nat64_prefix=bench.ladder.nat64_prefix)
        return [datagram_evidence(case.site, endpoint, address, case.visits, around) for address in addresses]
    found = [
        path_evidence(case.site, endpoint, address, visits=case.visits, around=case.around, controls=case.controls,
                      traces=case.traces, flows=case.flows, lent=case.lent,
                      private_root=bench.private_roots.get(case.site.trust, ""),
                      nat64_prefix=bench.ladder.nat64_prefix, cc=bench.cc)
        for address in addresses
    ]
    return [_in_company(p, case, endpoint, company, addresses) for p in found]


def _in_company(path: PathEvidence, case: Case, endpoint: Endpoint, company: Company,
                addresses: Iterable[str]) -> PathEvidence:
    """The path with what other sites of the run show of it."""
    if path.shapes.passed:
        alike = others_alike(company.disliked, endpoint.service, addresses)
        path = replace(path, shapes=replace(path.shapes, others_alike=alike))
    if path.stage == "page":
        mine = [page for page in unexpected_pages(case.site, case.visits) if page.address == path.address]
        path = replace(path, page_of_others=is_shared(company.pages, endpoint.service, mine))
    return path


def _name_evidence(case: Case, bench: Bench, company: Company,
                   findings: Sequence[tuple[PathEvidence, Finding]]) -> NameEvidence:
    evidence = dns_evidence(case.dns, case.controls, nat64_prefix=bench.ladder.nat64_prefix, cc=bench.cc)
    here = [(p, f) for p, f in findings if p.source == "network"]
    behind = [(p, f) for p, f in findings if p.source == "trusted"]
    behind_works = any(_serves(p, f) for p, f in behind)
    shown = {o.tls.trust for o in case.around if o.purpose == "port" and o.operation == "tls_handshake"
             and o.hostname == case.site.host and o.address in evidence.network_answers}
    wrong = any(p.trust in FOREIGN for p, _ in here) or bool(shown.intersection(FOREIGN))
    wrong_page = behind_works and any(
        not p.secure and p.kind == "http" and (p.stage == "page" or p.control_page_differs) for p, _ in here)
    searches = [o for o in case.traces if o.port == 53 and o.input in {e.input for e in case.site.endpoints}]
    evidence = replace(evidence, located=located(searches, case.site.host))
    return NameEvidence(
        dns=evidence, resolver_dead=bench.ladder.resolver in ("dead", "failing"),
        validated="valid" in shown or any(
            f.outcome == "ok" and (p.proven or (p.met == "yes" and p.content_known)) for p, f in here),
        wrong_server=wrong or wrong_page, shared_answer=bool(evidence.network_answers & company.shared_answers),
        dead_answer=bool(here) and all(p.stage == "connect" and not p.control_ok for p, _ in here),
        trusted_reached=behind_works or _shakes_hands(case, evidence.trusted_answers),
        blamed=(any(f.outcome == "down" and not p.proven for p, f in here)
                and not any(f.outcome == "down" for _, f in behind)),
        unlucky=case.site.host in company.unlucky,
    )


def _shakes_hands(case: Case, addresses: Iterable[str]) -> bool:
    """Whether a control completes a valid TLS handshake with the service at one of these addresses."""
    places = {place_of(address, case.site.port) for address in addresses}
    return any(not failure and place in places
               for c in case.controls if c.state == "answered" and not c.before for place, failure in c.tls)


def _serves(path: PathEvidence, finding: Finding) -> bool:
    return finding.outcome == "ok" or path.proven


def _expected_absence(endpoint: Endpoint, told: Finding, name: NameEvidence) -> Finding:
    """A closed service, or a name that must not exist: absence is right; only a false answer is a finding.

    Nobody can be kept from what is closed: a false answer for its name is told behind that.
    """
    false = told.outcome == "blocked" and bool(name.dns.bogus or name.dns.fingerprint)
    if endpoint.status == "dead" and told.outcome != "local":
        return Finding(outcome="down", block_type="server.retired", rule_id="dns/service_closed", confidence=0.95,
                       evidence=told.evidence, reason="the operator closed the service",
                       also=(told.block_type,) if false else ())
    if false or told.outcome == "local":
        return told
    if name.dns.network in ("nxdomain", "empty"):
        return Finding(outcome="ok", rule_id="dns/stays_unknown", confidence=0.9, evidence=told.evidence)
    if name.dns.network == "ok":
        return Finding(outcome="local", block_type="local.interception", rule_id="dns/answers_for_everybody",
                       confidence=0.8, evidence=told.evidence, reason="a name that does not exist is answered")
    return told


def _why_no_path(case: Case, name: NameEvidence, ladder: LadderEvidence) -> str:
    answers = name.dns.network_answers
    if answers and all(is_private(a) for a in answers):
        return "the name leads into private address space"
    usable = [a for a in answers if may_connect(a, ladder.nat64_prefix) and (ladder.ipv6 != "absent" or ":" not in a)]
    if case.site.named and not usable:
        return "no usable address in the address families of this network"
    return RAN_OUT
