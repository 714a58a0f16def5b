"""When to look where on the path interference acts: only where it is shown, and only of those who agreed to it."""

from __future__ import annotations

from math import inf

from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.core.tables.evidence_words import NO_STAGE_OR_PAGE, TLS_OR_HTTP, Stage
from probe.core.tables.resolvers import OperatorName, ResolverRole
from probe.core.tables.words import Empty
from probe.inference.evidence.dns_evidence import DnsEvidence
from probe.inference.evidence.path_evidence import PathEvidence, gather_path_evidence
from probe.inference.evidence.port53 import select_own_questions
from probe.inference.evidence.residual_evidence import has_reached_innocent, select_failures
from probe.inference.evidence.visit_outcomes import NETWORK_PURPOSES
from probe.measurement.planning.plan_context import PlanContext, SiteHistory
from probe.measurement.planning.residual_plan import was_asked_again
from probe.measurement.planning.steps import LocateHop, Step

CONSENT_LEVEL = 3


def plan_hop_searches(site: Site, history: SiteHistory, context: PlanContext, evidence: DnsEvidence) -> list[Step]:
    """One search for what the name alone meets at an address, one for who forges its DNS answers."""
    if context.consent_level < CONSENT_LEVEL or not context.thorough:
        return []
    return [*_at_resolver(site, history, context, evidence), *_at_address(site, history, context)]


def _at_resolver(site: Site, history: SiteHistory, context: PlanContext, evidence: DnsEvidence) -> list[Step]:
    if not (evidence.injected or evidence.dark_answered or evidence.bogus or evidence.fingerprint):
        return []
    if context.dark_server and not any(o.dns.resolver == "dark" for o in history.dns):
        return []  # it will be asked, and is the best place for questions that nobody may answer
    asked = _forged_at(history, evidence)
    if asked is None:
        return []
    return [LocateHop(kind="dns", address=asked.dns.resolver_address, port=53, name=site.host,
                      control_name=context.innocent,
                      input=site.endpoints[0].input, recursion=asked.dns.resolver != "dark", together=context.together)]


def _forged_at(history: SiteHistory, evidence: DnsEvidence) -> Observation | None:
    """The lookup that was answered falsely, best where nobody could have answered truly."""
    false = evidence.bogus | (evidence.network_answers - evidence.trusted_answers if evidence.fingerprint else set())
    direct = [o for o in select_own_questions(history.dns) if o.dns.engine == "udp" and o.dns.resolver_address
              and o.hostname and o.dns.answers]
    forged = [o for o in direct if o.dns.resolver == "dark" or len(o.dns.replies) > 1 or set(o.dns.answers) & false]
    order: dict[ResolverRole | OperatorName | Empty, int] = {"dark": 0, "public": 1, "network": 2}
    return min(forged, key=lambda o: order.get(o.dns.resolver, 3), default=None)


def _at_address(site: Site, history: SiteHistory, context: PlanContext) -> list[Step]:
    if site.kind not in TLS_OR_HTTP:
        return []
    for address in _places(history, site.port):
        if not _may_be_shown(site, history, context, address):
            continue  # as most often: nothing needs to be put together
        path = gather_path_evidence(site, site.endpoints[0], address, visits=history.visits, around=history.around,
                                    controls=history.controls, nat64_prefix=context.nat64_prefix)
        cut_off = select_failures(history.visits, address, site.port)
        if _is_shown(path, site, context) and (not cut_off or was_asked_again(history, address, site.port)):
            return [LocateHop(kind="tls" if site.sni else "http", address=address, port=site.port,
                              name=site.sni or site.host, control_name=context.innocent, input=site.endpoints[0].input,
                              together=context.together)]
    return []


def _places(history: SiteHistory, port: int) -> list[str]:
    """Addresses that were visited; where IPv4 fails as well only its: private space tells there how near a hop is."""
    places = list(dict.fromkeys(o.address for o in history.visits if o.purpose in NETWORK_PURPOSES and o.address))
    failing = [address for address in places if ":" not in address and select_failures(history.visits, address, port)]
    return failing or places


def _may_be_shown(site: Site, history: SiteHistory, context: PlanContext, address: str) -> bool:
    """What `_is_shown` asks for at the least: the innocent name was served there, and over TLS enough attempts of the
    name's own ended above TCP."""
    here = [o for o in history.visits if (o.address, o.port) == (address, site.port) and o.operation != "connect"]
    enough = not site.sni or sum(bool(o.failure) for o in here) >= context.attempts
    return enough and has_reached_innocent(history.around, address, site.port, before_s=inf)


def _is_shown(path: PathEvidence, site: Site, context: PlanContext) -> bool:
    """The name is cut off every time or answered falsely, and an innocent one was served at the same address."""
    if path.innocent != "reached" or path.control_failed or path.tainted:
        return False
    if context.controls and not path.controls_asked:
        return False
    if not site.sni and path.stage in NO_STAGE_OR_PAGE and (path.fingerprint or path.control_page_differs):
        return not path.control_page_same
    every = path.failed_attempts >= context.attempts and path.failed_attempts == path.attempts and path.same_failure
    last: Stage = "tls" if site.sni else "http"
    return every and path.stage == last and not path.trust
