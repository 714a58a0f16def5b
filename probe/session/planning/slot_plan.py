"""Failures are looked at again in a later time slot of the same run, after residual blocking has ended.

Costs at most two visits an address and one lookup a name for each slot; runs of a person who waits have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.evidence_words import SPEAKING, Depth
from probe.core.tables.words import Empty
from probe.instruments.steps import Lookup, Step
from probe.judge.common.time_slots import SLOT_GAP_S, split_into_slots
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.site_visits import make_innocent_visit, make_target_visit

SLOTS_S = (240.0, 480.0)
"""Later than most residual blocking ends (180 s), and than the longest that is common (420 s)."""
_PAUSE_S = SLOT_GAP_S + 1
"""Between slots at least: more than makes one, so that no rounding of times does it away."""


def next_slot_s(seen: Sequence[Observation], context: PlanContext) -> float | None:
    """When the next slot after these observations begins, in run seconds; None when there is none.

    Never so soon after the last of them that an attempt then would still belong to their slot, which would be the last
    slot of all for ever: where much else waits for its turn, attempts of one slot lie far apart.
    """
    slots = split_into_slots(seen)
    if not slots or len(slots) > len(context.slots_s):
        return None
    begin_s = max(o.t_s for o in slots[0]) + context.slots_s[len(slots) - 1]
    return max(begin_s, max(o.t_s for o in slots[-1]) + _PAUSE_S)


def plan_later_visits(site: Site, address: str, source: AddressSource | Empty, mine: Sequence[Observation],
                      history: SiteHistory, context: PlanContext, *, inputs: frozenset[str],
                      depth: Depth) -> list[Step]:
    """The innocent name, and then the site, in the next slot; `mine` are the visits of the site at this address."""
    begin_s = next_slot_s(mine, context)
    if begin_s is None:
        return []
    if site.kind in SPEAKING:
        number = len(split_into_slots(mine)) + 1
        innocent = replace(make_innocent_visit(site, address, context), attempt=number, not_before_s=begin_s)
        if not any(o.purpose == "innocent" and o.address == address and o.port == site.port and o.attempt == number
                   for o in history.around):
            return [innocent]
    again = make_target_visit(site, address, source, context, attempt=max(o.attempt for o in mine) + 1, inputs=inputs,
                              depth=depth)
    return [replace(again, not_before_s=begin_s)]


def plan_later_lookup(site: Site, direct: Sequence[Observation], context: PlanContext) -> list[Step]:
    """The question to the network's resolver, in the next slot; `direct` are those asked so far."""
    begin_s = next_slot_s(direct, context)
    if begin_s is None:
        return []
    return [Lookup(channel="network", name=site.host, server=context.network_resolver,
                   attempt=max(o.attempt for o in direct) + 1, not_before_s=begin_s)]
