"""What to do at one address: the innocent name, the site, again where it fails, and where attempts are lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probe.catalogue.sites import Site
from probe.core.addresses import family_of, find_neighbour
from probe.core.nat64 import to_public_address
from probe.core.observations import Observation
from probe.core.places import Place
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.evidence_words import SPEAKING, Depth
from probe.core.tables.failures import is_timeout
from probe.core.tables.handshakes import FOREIGN
from probe.core.tables.operations import Operation
from probe.core.tables.protocols import SiteKind
from probe.core.tables.words import Empty
from probe.instruments.steps import Step, TcpTrace, Visit
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES, list_failed_inputs
from probe.judge.dns.dns_evidence import DnsEvidence
from probe.judge.path.whole_attempts import list_whole_attempts
from probe.session.planning.certificate_tries import ends_by_certificate, is_certificate_settled
from probe.session.planning.other_bytes import plan_other_bytes
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.planned_attempts import count_planned, plan_further_attempt, plan_innocents
from probe.session.planning.program_plan import plan_program_before
from probe.session.planning.record_plan import takes_small_records
from probe.session.planning.residual_plan import plan_residual_steps
from probe.session.planning.shape_plan import plan_name_elsewhere, plan_shapes
from probe.session.planning.site_visits import make_identity_visit, make_target_visit
from probe.session.planning.slot_plan import plan_later_visits

LAST_OPERATION: dict[SiteKind, Operation] = {
    "tcp": "connect", "tls": "tls_handshake", "http": "http_round_trip", "app": "app_round_trip",
}
_SLOW: tuple[Operation, ...] = ("connect", "app_round_trip")
"""Silence in these costs time."""


def plan_address(site: Site, address: str, source: AddressSource | Empty, depth: Depth, history: SiteHistory,
                 context: PlanContext,
        evidence: DnsEvidence) -> list[Step]:
    """Steps at one address: the innocent name, the site, again, and another port where it does not connect."""
    steps: list[Step] = []
    if site.kind in SPEAKING and (
            (depth == "all" and site.leads and _asks_beforehand(site)) or _is_odd_above_tcp(site, history, address)):
        innocents = plan_innocents(site, address, history, context)
        if innocents:
            return innocents
    mine = [o for o in history.visits if o.address == address and o.purpose in NETWORK_PURPOSES]
    tried = {o.attempt for o in mine}
    if not tried:
        return plan_program_before(site, address, source, depth, history, context) or [
            replace(make_target_visit(site, address, source, context, attempt=1, depth=depth), planned=True,
                    small_records=depth == "all" and takes_small_records(site, context))]
    if depth == "all" and not any(o.failure for o in mine) and _shallow(site, mine) and max(tried) < context.attempts:
        return [make_target_visit(site, address, source, context, attempt=max(tried) + 1)]
    last = max(tried)
    failing = list_failed_inputs(site, [o for o in mine if o.attempt == last])
    hopeless = context.ipv6_broken and family_of(address) == 6
    if failing and not hopeless and not is_certificate_settled(mine, history.controls, site.port):
        in_earnest = len(list_whole_attempts(mine))
        if in_earnest < _most_attempts(mine, last, context):
            refused = any(ends_by_certificate(o) for o in mine if o.attempt == last)
            steps += plan_other_bytes(site, address, mine, in_earnest, history, context) or [
                replace(make_target_visit(site, address, source, context, attempt=last + 1, inputs=failing,
                                          depth="tls" if refused else depth),
                        planned=last < count_planned(site, context))]  # no page follows: one step, whatever the depth
        else:  # other hellos come at once, or what they show would be of another time than what failed
            steps += plan_shapes(site, address, source, history, context) or [
                *plan_later_visits(site, address, source, mine, history, context, inputs=failing, depth=depth),
                *plan_residual_steps(site, address, history, context)]
            steps += plan_name_elsewhere(site, address, history, context)
    well = depth == "all" and not failing
    steps += plan_further_attempt(site, address, source, mine, history, context) if well else []
    if _is_doubtful(site, source, history, evidence):
        steps.append(make_identity_visit(site, address, source, context))
    if any(o.operation == "connect" and o.failure for o in mine) and not hopeless:
        steps.append(Visit(purpose="port", address=address, port=80 if site.port != 80 else 443,
                           hostname=site.host, source=source, connect_timeout_s=context.timeout_s))
    if failing and last >= context.attempts and not hopeless and mine[-1].operation == "connect":
        steps += _traces(address, site.port, history, context)
    return steps


def _traces(address: str, port: int, history: SiteHistory, context: PlanContext) -> list[Step]:
    """Controls reach what does not answer here: does the network swallow it, or does the operator refuse us? They do
    not either: is it out of order, or do our attempts not even come near it?"""
    known_as = to_public_address(address, context.nat64_prefix)
    where = Place(known_as, port)
    if not any(place == where for c in history.controls for place, _ in c.tcp):
        return []
    others = [place for place in history.elsewhere if family_of(place[0]) == family_of(address)]
    return [TcpTrace(purpose="trace", address=address, port=port, together=context.together),
            TcpTrace(purpose="neighbour", address=find_neighbour(address), port=port, together=context.together),
            *(TcpTrace(purpose="reference", address=other, port=at, together=context.together) for other, at in others)]


def _most_attempts(mine: Sequence[Observation], last: int, context: PlanContext) -> int:
    ended = next((o for o in mine if o.attempt == last and o.failure), None)
    slow = ended is None or ended.operation in _SLOW or is_timeout(ended.failure) or ends_by_certificate(ended)
    return context.attempts if slow else context.quick_attempts


def _is_doubtful(site: Site, source: AddressSource | Empty, history: SiteHistory, evidence: DnsEvidence) -> bool:
    """The address is one that trusted resolvers do not give, and nothing at it has proven whose it is."""
    if source != "network" or not evidence.trusted_answers or evidence.agrees or site.port == 443:
        return False
    return not any(o.tls.trust == "valid" for o in history.visits if o.purpose == "target")


def _is_odd_above_tcp(site: Site, history: SiteHistory, address: str) -> bool:
    """Something failed there, or is not what the service says: its words, or a page in the clear."""
    return any(o.address == address and o.operation != "connect" and (
                   o.failure or o.app.proof == FOREIGN or (o.met_expectation == "no" and not site.sni))
               for o in history.visits)


def _shallow(site: Site, mine: Sequence[Observation]) -> bool:
    """Whether nothing at this address went as far as the site itself."""
    last = LAST_OPERATION[site.kind]
    return not any(o.operation == last for o in mine)


def _asks_beforehand(site: Site) -> bool:
    """A messenger's port is not asked for anything else until it fails: what it is asked for is no name."""
    return site.kind != "app" or bool(site.sni)
