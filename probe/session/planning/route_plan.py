"""Which way leads to an address where connections end sooner than it can answer: connection attempts that die on the
way, to it and to others. Whether a guard of the operator's own can have ended them is read from that
(`probe.judge.hops.end_place`). Nothing is said on these connections."""

from __future__ import annotations

from math import inf

from probe.catalogue.sites import Site
from probe.core.addresses import family_of
from probe.instruments.steps import Step, TcpTrace
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe.judge.packets.end_timing import AT_LEAST, gather_end_timing
from probe.judge.program.program_evidence import gather_program_evidence
from probe.session.planning.plan_context import PlanContext, SiteHistory


def plan_route_traces(site: Site, history: SiteHistory, context: PlanContext) -> list[Step]:
    """One trace for each site and address family, at the first such address, and what it is compared with."""
    found: dict[int, str] = {}
    for address in _list_hasty(site, history):
        if family_of(address) not in found and _is_ended_early(site, address, history):
            found[family_of(address)] = address
    others = [place for place in history.elsewhere if family_of(place[0]) in found]
    return [*(TcpTrace(purpose="route", address=address, port=site.port, together=context.together)
              for address in found.values()),
            *(TcpTrace(purpose="reference", address=other, port=at, together=context.together) for other, at in others)]


def _list_hasty(site: Site, history: SiteHistory) -> list[str]:
    """Addresses at which any end came before a connection can stand. Every step asks for them, so that nothing more is
    compared where all is well."""
    trips_ms: dict[str, float] = {}
    here = [o for o in (*history.visits, *history.around) if o.port == site.port]
    for o in here:
        if o.operation == "connect" and not o.failure and o.tcp.min_rtt_ms:
            trips_ms[o.address] = min(o.tcp.min_rtt_ms, trips_ms.get(o.address, inf))
    early = {o.address for o in here if o.operation != "connect"
             and 0 < o.tcp.end_ms < trips_ms.get(o.address, 0.0)}
    return [address for address in trips_ms if address in early]


def _is_ended_early(site: Site, address: str, history: SiteHistory) -> bool:
    """Whether the site's own first words, or a program's hellos, were answered or ended too soon."""
    at_port = sorted((o for o in (*history.visits, *history.around) if (o.address, o.port) == (address, site.port)),
                     key=lambda o: o.sequence)
    mine = [o for o in at_port if o.purpose in NETWORK_PURPOSES and o.operation != "connect" and o.tcp.end_ms]
    seen = gather_end_timing(mine, at_port)
    program = gather_program_evidence(site, address, history.around, at_port).timing
    return program.is_sooner or (seen.sooner >= AT_LEAST and seen.answered > 0)
