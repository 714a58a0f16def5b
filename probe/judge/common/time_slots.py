"""Time slots: attempts so far apart that what an earlier one set off no longer touches them."""

from __future__ import annotations

from collections.abc import Sequence

from probe.core.observations import Observation

SLOT_GAP_S = 200.0
"""A pause between attempts that begins a new slot: most residual blocking on record lasts 180 s or less."""


def split_into_slots(seen: Sequence[Observation]) -> list[list[Observation]]:
    """Observations in order of time, those without a pause of `SLOT_GAP_S` between them together."""
    slots: list[list[Observation]] = []
    for one in sorted(seen, key=lambda o: o.t0_s):
        if slots and one.t0_s - max(o.t_s for o in slots[-1]) < SLOT_GAP_S:
            slots[-1].append(one)
        else:
            slots.append([one])
    return slots


def count_failing_slots(mine: Sequence[Observation], failed: Sequence[int], innocents: Sequence[Observation]) -> int:
    """In how many slots a path failed while innocent names, where they were asked again, were answered.

    `failed` are the numbers of the attempts that failed; a slot in which any attempt succeeded makes it none.
    """
    count = 0
    for slot in split_into_slots(mine):
        if any(o.attempt not in failed for o in slot):
            return 0
        begin_s, end_s = slot[0].t0_s - SLOT_GAP_S / 2, max(o.t_s for o in slot)
        beside = [o for o in innocents if begin_s <= o.t0_s <= end_s and o.operation != "connect"]
        count += not beside or any(not o.failure for o in beside)
    return count
