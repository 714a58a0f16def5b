"""Connections to the core's targets that are planned beforehand: they say how often a service works. Pure.

They are made whatever those before them met, so the share of failures among them is nobody's choice. After a first
visit that went well they are small: a handshake, a messenger's first words, a connection.

A target that was in trouble in earlier runs is watched: it gets more of them, and a second one under an innocent name.
Watched is what had the most trouble, own and innocent connections taken together
(`probe.judge.verdicts.share_series.choose_watched`): so the choice says nothing of names, and the test over all
runs stays exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.words import Empty
from probe.instruments.steps import Step
from probe.judge.common.visit_outcomes import must_not_answer
from probe.judge.flow.record_evidence import RECORDS
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.record_plan import takes_small_records
from probe.session.planning.rotation import CORE
from probe.session.planning.site_visits import make_innocent_visit, make_target_visit

APART_S = 20.0
WATCHED_OWN = 3
"""Connections to a watched target in any run."""
SECOND_INNOCENT = 9
"""Its attempt: later time slots have the numbers from two on."""


def count_planned(site: Site, context: PlanContext) -> int:
    """How many attempts at a site are planned. Where TLS is spoken one in a run that must be over soon: an address
    takes three handshakes in a short time, and an innocent name and a program's hello have the others."""
    first = site.endpoints[0]
    if first.role == "control" or must_not_answer(first):
        return 1
    core = any(e.tier == CORE for e in site.endpoints) and not (context.together and site.sni)
    return max(context.planned if core else 1, WATCHED_OWN if is_watched(site, context) else 1)


def is_watched(site: Site, context: PlanContext) -> bool:
    """Whether any of its targets was in trouble in earlier runs."""
    return any(e.target_id in context.watched for e in site.endpoints)


def plan_innocents(site: Site, address: str, history: SiteHistory, context: PlanContext) -> list[Step]:
    """The next innocent connection to an address, if one is due, whoever asked for the last; the second of a watched
    target goes before the site's own as well."""
    asked = [o for o in history.around if o.purpose == "innocent" and (o.address, o.port) == (address, site.port)]
    first = make_innocent_visit(site, address, context)
    if not any(o.app.protocol == first.app for o in asked):
        return [first]
    begun = any(o.attempt == SECOND_INNOCENT for o in asked) or any(o.address == address for o in history.visits)
    if begun or not is_watched(site, context):
        return []
    begin_s = 0.0 if context.together else max(o.t_s for o in asked) + APART_S
    return [replace(make_innocent_visit(site, address, context, attempt=SECOND_INNOCENT), planned=True,
                    not_before_s=begin_s)]


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
    return [replace(again, planned=True, small_records=carries, not_before_s=begin_s,
                    may_be_left_out=context.together and not is_watched(site, context))]
