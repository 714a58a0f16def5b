"""Connections to the core's targets that are planned beforehand: they say how often a service works. Pure.

They are made whatever those before them met, so the share of failures among them is nobody's choice. After a first
visit that went well they are small: a handshake, a messenger's first words, a connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.words import Empty
from probe.inference.evidence.record_evidence import RECORDS
from probe.inference.evidence.visit_outcomes import must_not_answer
from probe.measurement.planning.plan_context import PlanContext, SiteHistory
from probe.measurement.planning.record_plan import takes_small_records
from probe.measurement.planning.rotation import CORE
from probe.measurement.planning.site_visits import make_target_visit
from probe.measurement.planning.steps import Step

APART_S = 20.0


def count_planned(site: Site, context: PlanContext) -> int:
    """How many attempts at a site are planned. Where TLS is spoken one in a run that must be over soon: an address
    takes three handshakes in a short time, and an innocent name and a program's hello have the others."""
    if context.together and site.sni:
        return 1
    first = site.endpoints[0]
    core = any(e.tier == CORE for e in site.endpoints) and first.role != "control" and not must_not_answer(first)
    return context.planned if core else 1


def plan_further_attempt(site: Site, address: str, source: AddressSource | Empty, mine: Sequence[Observation],
                         history: SiteHistory, context: PlanContext) -> list[Step]:
    """The next planned attempt after those that went well; `mine`: the site's visits at this address. The second
    carries small records where the first could not."""
    last = max(o.attempt for o in mine)
    asked = {o.input for o in mine if o.operation == "http_round_trip"}
    if last >= count_planned(site, context) or any(page.input not in asked for page in site.pages()):
        return []
    first = frozenset((site.endpoints[0].input,))
    again = make_target_visit(site, address, source, context, attempt=last + 1, inputs=first,
                              depth="tls" if site.sni and site.kind == "http" else "all")
    begin_s = 0.0 if context.together else max(o.t_s for o in mine) + APART_S
    carries = takes_small_records(site, context) and last == 1 and not any(
        o.operation == RECORDS and o.address == address for o in history.turns)
    return [replace(again, planned=True, small_records=carries, may_be_left_out=context.together, not_before_s=begin_s)]
