"""How far an effect got with a packet."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from probe_lab.box.forge import EffectContext
from probe_lab.box.rulebook import BoxRule
from probe_lab.box.sighting import PacketFate, PacketSighting


class Outcome(Enum):
    """Whether a rule that was set off did anything."""

    MISSED = 0
    """Nothing: this packet is not one that the action applies to."""
    HELD = 1
    """It has taken hold of the flow, but nobody has felt it yet."""
    ACTED = 2
    """It has interfered, which is to be written down."""


MISSED, HELD, ACTED = Outcome.MISSED, Outcome.HELD, Outcome.ACTED

Effect = Callable[[EffectContext, BoxRule, PacketSighting, PacketFate], Outcome]
