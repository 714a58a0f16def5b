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
from probe.inference.evidence.time_slots import APART_S, slots_of
from probe.measurement.planning.plan_context import Frame, Seen
from probe.measurement.planning.site_visits import innocent_visit, target_visit
from probe.measurement.planning.steps import Lookup, Step

_PAUSE_S = APART_S + 1
"""Between slots at least: more than makes one, so that no rounding of times does it away."""


def next_slot_s(seen: Sequence[Observation], frame: Frame) -> float | None:
    """When the next slot after these observations begins, in run seconds; None when there is none.

    Never so soon after the last of them that an attempt then would still belong to their slot, which would be the last
    slot of all for ever: where much else waits for its turn, attempts of one slot lie far apart.
    """
    slots = slots_of(seen)
    if not slots or len(slots) > len(frame.slots_s):
        return None
    begin_s = max(o.t_s for o in slots[0]) + frame.slots_s[len(slots) - 1]
    return max(begin_s, max(o.t_s for o in slots[-1]) + _PAUSE_S)


def later_visits(site: Site, address: str, source: AddressSource | Empty, mine: Sequence[Observation],
                 seen: Seen, frame: Frame, *, inputs: frozenset[str], depth: Depth) -> list[Step]:
    """The innocent name, and then the site, in the next slot; `mine` are the visits of the site at this address."""
    begin_s = next_slot_s(mine, frame)
    if begin_s is None:
        return []
    if site.kind in SPEAKING:
        number = len(slots_of(mine)) + 1
        innocent = replace(innocent_visit(site, address, frame), attempt=number, not_before_s=begin_s)
        if not any(o.purpose == "innocent" and o.address == address and o.port == site.port and o.attempt == number
                   for o in seen.around):
            return [innocent]
    again = target_visit(site, address, source, frame, attempt=max(o.attempt for o in mine) + 1, inputs=inputs,
                         depth=depth)
    return [replace(again, not_before_s=begin_s)]


def later_lookup(site: Site, direct: Sequence[Observation], frame: Frame) -> list[Step]:
    """The question to the network's resolver, in the next slot; `direct` are those asked so far."""
    begin_s = next_slot_s(direct, frame)
    if begin_s is None:
        return []
    return [Lookup(channel="network", name=site.host, server=frame.network_resolver,
                   attempt=max(o.attempt for o in direct) + 1, not_before_s=begin_s)]
