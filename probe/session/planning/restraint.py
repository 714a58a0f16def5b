"""What a run leaves out at single sites, though the volunteer agreed to it. Pure."""

from __future__ import annotations

from dataclasses import replace

from probe.catalogue.sites import Site
from probe.session.planning.plan_context import PlanContext


def restrain_context(site: Site, context: PlanContext) -> PlanContext:
    """The frame for one site: by turns, the hop and what stays behind are looked for there or not, and programs' hellos
    are sent; and a small server is not asked again in later time slots."""
    share = context.share
    if share is None:
        return context
    thorough = any((e.target_id, e.tier) in share.thorough for e in site.endpoints)
    may_search = any((e.target_id, e.tier) in share.searches for e in site.endpoints)
    slots_s = () if any(e.service in share.gentle for e in site.endpoints) else context.slots_s
    programs = context.programs and any((e.target_id, e.tier) in share.programs for e in site.endpoints)
    if (thorough, may_search, slots_s, programs) == (context.thorough, context.may_search, context.slots_s,
                                                     context.programs):
        return context
    return replace(context, thorough=thorough, may_search=may_search, slots_s=slots_s, programs=programs)
