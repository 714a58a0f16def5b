"""One connection of each core service's strongest chat endpoint is kept for a while, in runs that have the time. Pure.

What ends it before its time may be the server's own idle end. So an innocent connection is kept at the same address in
turns with it: another name over TLS, or none at all where the service's own words go in the clear. Costs one connection
of 15 s a service; where it is ended, five more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from probe.catalogue.sites import Site
from probe.core.endpoints import Endpoint
from probe.core.observations import Observation
from probe.core.tables.handshakes import ProtocolName
from probe.core.tables.protocols import DATAGRAMS, PROTOCOLS
from probe.instruments.steps import Step, Visit
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES, list_failed_inputs
from probe.judge.flow.loss_evidence import BESIDE
from probe.judge.flow.stay_evidence import ENOUGH_STAYS, STAY, gather_stay_evidence
from probe.session.planning.address_plan import LAST_OPERATION
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.rotation import CORE
from probe.session.planning.site_visits import make_innocent_visit, make_target_visit

STAY_S = 15.0
_NOT_KEPT: frozenset[ProtocolName] = DATAGRAMS | {"dns"}
"""Nothing of theirs stays open."""


def choose_stays(endpoints: Iterable[Endpoint]) -> frozenset[str]:
    """Of each core service the input of its strongest chat endpoint over TCP, the first of equals."""
    strongest: dict[str, Endpoint] = {}
    for endpoint in endpoints:
        if endpoint.tier != CORE or endpoint.role != "chat" or endpoint.protocol in _NOT_KEPT:
            continue
        known = strongest.setdefault(endpoint.service, endpoint)
        if PROTOCOLS[endpoint.protocol].worth > PROTOCOLS[known.protocol].worth:
            strongest[endpoint.service] = endpoint
    return frozenset(endpoint.input for endpoint in strongest.values())


def plan_stays(site: Site, history: SiteHistory, context: PlanContext) -> list[Step]:
    """The next connection that is to be kept; none where the site does not work in the first place."""
    if not any(e.input in context.stays for e in site.endpoints):
        return []
    address = _find_working_address(site, history)
    if not address:
        return []
    found = gather_stay_evidence(history.turns)
    if found.asked > found.asked_beside and (found.ended or found.silent):
        return [_beside(site, address, context, found.asked)]
    if not found.asked or (found.is_doubtful and found.asked < ENOUGH_STAYS):
        return [_stay(site, address, context, found.asked + 1)]
    return []


def _find_working_address(site: Site, history: SiteHistory) -> str:
    """The first at which the site was reached as deep as it is used; empty for none."""
    attempts: dict[tuple[str, int], list[Observation]] = {}
    for o in history.visits:
        if o.purpose in NETWORK_PURPOSES:
            attempts.setdefault((o.address, o.attempt), []).append(o)
    return next((address for (address, _), rows in attempts.items() if not list_failed_inputs(site, rows)
                 and any(o.operation == LAST_OPERATION.get(site.kind) for o in rows)), "")


def _stay(site: Site, address: str, context: PlanContext, number: int) -> Visit:
    plain = make_target_visit(site, address, "", context, attempt=number, inputs=frozenset())
    return replace(plain, purpose=STAY, stay_s=STAY_S, stay_host=site.host if site.kind == "http" else "")


def _beside(site: Site, address: str, context: PlanContext, number: int) -> Visit:
    first, plain = site.endpoints[0], make_innocent_visit(site, address, context)
    return replace(plain, purpose=BESIDE, attempt=number, until_server_hello=False, pages=(), app="", app_name="",
                   input=first.input, target_id=first.target_id, stay_s=STAY_S,
                   stay_host=context.innocent if site.kind == "http" else "")
