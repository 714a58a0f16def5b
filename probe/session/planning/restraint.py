"""What a run leaves out at single sites, though the volunteer agreed to it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from probe.catalogue.sites import Site
from probe.session.planning.plan_context import PlanContext

MOST_WAITED = 0.5
"""Part of a run's time that it waits at most until a punishment that an earlier run set off is over."""


def find_waits(until: Mapping[str, datetime], *, begun: datetime, deadline_s: float) -> Mapping[str, float]:
    """Target -> the second of the run before which it is not named; 0 where its punishment is over when the run begins,
    or would take too much of the run. `until`: when each is over."""
    free = {target: (moment - begun).total_seconds() for target, moment in until.items()}
    return {target: free_s if 0 < free_s <= MOST_WAITED * deadline_s else 0.0 for target, free_s in free.items()}


def restrain_context(site: Site, context: PlanContext) -> PlanContext:
    """The frame for one site: by turns, the hop and what stays behind are looked for there or not, and programs' hellos
    are sent; and a small server is not asked again in later time slots. Whose address was punished within a day is not
    looked at so: each such look names it again, and what punishes others may hit the household's own programs."""
    share = context.share
    if any(e.target_id in context.punished for e in site.endpoints):
        context = replace(context, thorough=False, may_search=False)
    if share is None:
        return context
    thorough = context.thorough and any((e.target_id, e.tier) in share.thorough for e in site.endpoints)
    may_search = context.may_search and any((e.target_id, e.tier) in share.searches for e in site.endpoints)
    slots_s = () if any(e.service in share.gentle for e in site.endpoints) else context.slots_s
    programs = context.programs and any((e.target_id, e.tier) in share.programs for e in site.endpoints)
    if (thorough, may_search, slots_s, programs) == (context.thorough, context.may_search, context.slots_s,
                                                     context.programs):
        return context
    return replace(context, thorough=thorough, may_search=may_search, slots_s=slots_s, programs=programs)
