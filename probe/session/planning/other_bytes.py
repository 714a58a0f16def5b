"""Where no name's hello is ever acknowledged: is anything else, at the same address and port?

A server's TCP acknowledges before its program reads, and residual blocking that a neighbour set off takes every packet;
so a few innocent bytes between two of the site's hellos tell who is meant. Costs one small connection an address.
"""

from __future__ import annotations

from collections.abc import Sequence

from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.core.tables.failures import is_timeout
from probe.core.tables.purposes import Purpose
from probe.instruments.steps import Step
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.site_visits import make_bytes_visit

_BESIDE: tuple[Purpose, ...] = (*NETWORK_PURPOSES, "innocent")


def plan_other_bytes(site: Site, address: str, mine: Sequence[Observation], attempts: int, history: SiteHistory,
                     context: PlanContext) -> list[Step]:
    """The other bytes, before the last of the site's attempts at an address; `mine` are those so far."""
    asked = any(o.purpose == "bytes" and (o.address, o.port) == (address, site.port) for o in history.around)
    if asked or attempts != context.attempts - 1 or not _hellos_vanish(site, address, mine, history):
        return []
    return [make_bytes_visit(site, address, context)]


def _hellos_vanish(site: Site, address: str, mine: Sequence[Observation], history: SiteHistory) -> bool:
    innocent = [o for o in history.around if o.purpose == "innocent" and (o.address, o.port) == (address, site.port)]
    hellos = [[o for o in whose if o.operation == "tls_handshake"] for whose in (mine, innocent)]
    return bool(site.sni) and all(hellos) and all(
        o.tcp.acked == "no" and is_timeout(o.failure) for whose in hellos for o in whose
        if o.purpose in _BESIDE)
