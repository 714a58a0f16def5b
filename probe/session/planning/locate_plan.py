"""When to look where on the path interference acts: only where it is shown, and only of those who agreed to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf
from types import MappingProxyType
from typing import Literal

from probe.catalogue.owners import find_owner
from probe.catalogue.sites import Site
from probe.core.addresses import family_of
from probe.core.observations import Observation
from probe.core.tables.consent_words import SENT
from probe.core.tables.evidence_words import NO_STAGE_OR_PAGE, SPEAKING, Answered, InnocentState, Stage
from probe.core.tables.failures import TIMEOUTS, FailureKind, kind_of
from probe.core.tables.protocols import LocateKind
from probe.core.tables.resolvers import OperatorName, ResolverRole
from probe.core.tables.words import Empty
from probe.instruments.steps import LocateHop, Lookup, QuicVisit, Step, TcpTrace, Visit
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe.judge.dns.dns_evidence import DnsEvidence
from probe.judge.dns.port53 import select_own_questions
from probe.judge.path.path_evidence import PathEvidence, gather_path_evidence
from probe.judge.path.residual_evidence import has_reached_innocent, select_failures
from probe.judge.program.program_evidence import gather_program_evidence
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.program_plan import make_program_visit
from probe.session.planning.residual_plan import was_asked_again
from probe.session.planning.site_visits import make_bytes_visit, make_innocent_visit, make_target_visit

_KINDS: Mapping[Stage | Empty, LocateKind] = MappingProxyType({"tls": "tls", "http": "http", "app": "app"})

_ARRIVED: tuple[InnocentState, ...] = ("reached", "carried")
"""Innocent bytes were acknowledged, at least."""

MAX_SEARCHES = 12
"""Searches for a hop in one run, one for an address and port at most: each sets off what it looks for once more."""
CONSENT_LEVEL = next(row.level for row in SENT if row.word == "search")
"""What the consent text says that a search takes; a country may take more (`PlanContext.search_level`)."""


def plan_hop_searches(site: Site, history: SiteHistory, context: PlanContext, evidence: DnsEvidence) -> list[Step]:
    """One search for what the name alone meets at an address, one for who forges its DNS answers; and how far packets
    for others are heard of, since a place that no other owner's pass says nothing."""
    searches = [*_at_resolver(site, history, context, evidence), *_at_address(site, history, context)]
    families = {family_of(step.address) for step in searches}
    others = [place for place in history.elsewhere if family_of(place[0]) in families] if searches else []
    return [*searches, *(TcpTrace(purpose="reference", address=address, port=port, together=context.together)
                         for address, port in others)]


def list_search_keys(step: LocateHop) -> frozenset[tuple[str, str]]:
    """What a run searches for once: a name with one kind of question, an address with its port (many are asked of one
    resolver), and in a run that must be over soon an owner's names that fail alike: a place that is found for one of
    them is told to the others (`probe.judge.verdicts.site_places`)."""
    keys: set[tuple[str, str]] = {(step.name, step.kind)}
    keys |= {(step.address, str(step.port))} if step.kind != "dns" else set()
    keys |= {(step.cause, "cause")} if step.together and step.cause else set()
    return frozenset(keys)


def _at_resolver(site: Site, history: SiteHistory, context: PlanContext, evidence: DnsEvidence) -> list[LocateHop]:
    if not (evidence.injected or evidence.dark_answered or evidence.bogus or evidence.fingerprint):
        return []
    if context.dark_server and not any(o.dns.resolver == "dark" for o in history.dns):
        return []  # it will be asked, and is the best place for questions that nobody may answer
    asked = _forged_at(history, evidence)
    if asked is None:
        return []
    question = Lookup(channel="dark" if asked.dns.resolver == "dark" else "public", name=site.host,
                      server=asked.dns.resolver_address)
    return [LocateHop(kind="dns", address=asked.dns.resolver_address, port=53, asked=question,
                      control=replace(question, name=context.innocent), query_type=asked.dns.query_type or "A",
                      input=site.endpoints[0].input, cause=_cause(site, "dns"), together=context.together)]


def _forged_at(history: SiteHistory, evidence: DnsEvidence) -> Observation | None:
    """The lookup that was answered falsely, best where nobody could have answered truly."""
    false = evidence.bogus | (evidence.network_answers - evidence.trusted_answers if evidence.fingerprint else set())
    direct = [o for o in select_own_questions(history.dns) if o.dns.engine == "udp" and o.dns.resolver_address
              and o.hostname and o.dns.answers]
    forged = [o for o in direct if o.dns.resolver == "dark" or len(o.dns.replies) > 1 or set(o.dns.answers) & false]
    order: dict[ResolverRole | OperatorName | Empty, int] = {"dark": 0, "public": 1, "network": 2}
    return min(forged, key=lambda o: order.get(o.dns.resolver, 3), default=None)


def _at_address(site: Site, history: SiteHistory, context: PlanContext) -> list[LocateHop]:
    if site.kind == "quic":
        return _over_quic(site, history, context)
    if site.kind not in SPEAKING:
        return []
    if any(o.purpose == "program" for o in history.around):
        return _for_program(site, history, context) or _for_site(site, history, context)
    return _for_site(site, history, context)


def _for_program(site: Site, history: SiteHistory, context: PlanContext) -> list[LocateHop]:
    """Where a program's hello fails with the site's name, and is answered with an innocent one."""
    for address in _places(history, site.port):
        seen = gather_program_evidence(site, address, history.around, ())
        if seen.chief and seen.innocent == "reached" and seen.turns:
            asked, control = (make_program_visit(site, address, (name, seen.chief, 1), context)
                              for name in (site.host, context.innocent))
            return [LocateHop(kind="tls", address=address, port=site.port, asked=asked, control=control,
                              input=site.endpoints[0].input, together=context.together,
                              cause=_cause(site, "program", kind_of(seen.failure), seen.acked))]
    return []


def _for_site(site: Site, history: SiteHistory, context: PlanContext) -> list[LocateHop]:
    for address in _places(history, site.port):
        if not _may_be_shown(site, history, context, address):
            continue  # as most often: nothing needs to be put together
        path = gather_path_evidence(site, site.endpoints[0], address, visits=history.visits, around=history.around,
                                    controls=history.controls, nat64_prefix=context.nat64_prefix)
        control = _choose_control(path, site, context) if _is_shown(path, site, context) else None
        if control and not _awaits_innocent(history, address, site.port):
            return [LocateHop(kind=_KINDS.get(path.stage, "http"), address=address,
                              port=site.port, asked=make_target_visit(site, address, path.source, context, attempt=1),
                              control=control, input=site.endpoints[0].input, together=context.together,
                              cause=_cause(site, path.stage or "page", kind_of(path.failure), path.acked))]
    return []


def _choose_control(path: PathEvidence, site: Site, context: PlanContext) -> Visit | None:
    """What fares otherwise than the site's own bytes: an innocent name, the same in another shape, or bytes that are no
    TLS; None where nothing does."""
    innocent = make_innocent_visit(site, path.address, context)
    if path.stage == "app":
        return innocent if not site.sni and path.app.innocent in _ARRIVED else None
    if path.innocent == "reached":
        return innocent
    if path.stage == "tls" and path.tls.shapes.passed:
        return replace(innocent, shape=path.tls.shapes.passed[0])
    if path.stage == "tls" and path.tls.other_bytes == "passed":
        return make_bytes_visit(site, path.address, context)
    return None


def _awaits_innocent(history: SiteHistory, address: str, port: int) -> bool:
    """Whether the innocent name is yet to be asked again for what the failures leave behind."""
    cut_off = select_failures(history.visits, address, port)
    due = cut_off and has_reached_innocent(history.around, address, port, before_s=cut_off[-1].t0_s)
    return bool(due) and not was_asked_again(history, address, port)


def _cause(site: Site, stage: Stage | Literal["dns", "program"], *how: FailureKind | Answered) -> str:
    """Whose name fails, and how."""
    return " ".join((find_owner(site.endpoints[0].service, site.endpoints[0].host), stage, *how))


def _over_quic(site: Site, history: SiteHistory, context: PlanContext) -> list[LocateHop]:
    """Where an innocent name was answered between two of the site's own handshakes, of which none ever was."""
    for address in dict.fromkeys(o.address for o in history.visits if o.purpose in NETWORK_PURPOSES):
        mine = [o for o in history.visits if o.address == address and o.operation == "quic_handshake"]
        again = [o for o in history.around if (o.address, o.port) == (address, site.port) and o.purpose == "innocent"
                 and o.operation == "quic_handshake" and o.attempt > 1]
        if len(mine) <= context.attempts or not again or again[-1].failure or any(
                o.failure not in TIMEOUTS or o.bytes_read for o in mine):
            continue
        visit = QuicVisit(purpose="target", address=address, port=site.port, hostname=site.host, sni=site.sni,
                          alpn=site.alpn or ("h3",))
        return [LocateHop(kind="quic", address=address, port=site.port, asked=visit, input=site.endpoints[0].input,
                          control=replace(visit, hostname=context.innocent, sni=context.innocent),
                          cause=_cause(site, "quic"), together=context.together)]
    return []


def _places(history: SiteHistory, port: int) -> list[str]:
    """Addresses that were visited; where IPv4 fails as well only its: private space tells there how near a hop is."""
    places = list(dict.fromkeys(o.address for o in history.visits if o.purpose in NETWORK_PURPOSES and o.address))
    failing = [address for address in places if ":" not in address and select_failures(history.visits, address, port)]
    return failing or places


def _may_be_shown(site: Site, history: SiteHistory, context: PlanContext, address: str) -> bool:
    """What `_is_shown` asks for at the least: enough attempts of the site's own ended above TCP, or a page in the clear
    was served there to the innocent name as well."""
    here = [o for o in history.visits if (o.address, o.port) == (address, site.port) and o.operation != "connect"]
    if sum(bool(o.failure) for o in here) >= context.attempts:
        return True
    return not site.sni and has_reached_innocent(history.around, address, site.port, before_s=inf)


def _is_shown(path: PathEvidence, site: Site, context: PlanContext) -> bool:
    """The site is cut off every time, or its name answered falsely."""
    if path.controls.failed or path.tainted or ((context.controls or context.public) and not path.controls.asked):
        return False
    if not site.sni and path.stage in NO_STAGE_OR_PAGE and (path.mark.name or path.http.page_differs):
        return not path.http.page_same
    every = path.failed_attempts >= context.attempts and path.failed_attempts == path.attempts and path.same_failure
    last: Stage = "tls" if site.sni else "app" if site.kind == "app" else "http"
    foreign = path.tls.trust == "unknown_issuer" and path.tls.other_key > 0 and not path.tls.same_key
    return every and path.stage == last and (not path.tls.trust or foreign)
