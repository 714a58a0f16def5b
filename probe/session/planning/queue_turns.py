"""In which class of waiting steps a step waits; in which order they start is in `run_order`. Pure."""

from __future__ import annotations

from typing import Literal

from probe.core.tables.purposes import FOREIGN_NAMES
from probe.core.tables.resolvers import Channel
from probe.instruments.steps import LocateHop, Lookup, QuicVisit, Step, Transfer, VersionProbe, Visit
from probe.session.planning.residual_plan import is_residual

TurnName = Literal["innocent", "first", "question", "again", "other", "spoiling"]
HTTPS_CHANNELS: tuple[Channel, ...] = ("https", "https_dark")
_HTTPS_LATER: tuple[Channel, ...] = (*HTTPS_CHANNELS, "https_doh")


def spoils_address(step: Step) -> bool:
    """Whether a step may spoil an address for others, and so comes after all that is to be measured there."""
    return isinstance(step, LocateHop) or is_residual(step)


def name_turn(step: Step) -> TurnName:
    """The class of a waiting step."""
    if spoils_address(step):
        return "spoiling"
    if isinstance(step, VersionProbe):
        return "innocent"
    if isinstance(step, Visit | Transfer) and step.purpose in FOREIGN_NAMES:
        return "first" if step.attempt > 1 else "again"  # who has begun there ends first, or each may spoil the next
    if isinstance(step, Visit | QuicVisit):
        return "innocent" if step.purpose == "innocent" else "first" if step.attempt == 1 else "again"
    return "question" if isinstance(step, Lookup) and step.channel not in _HTTPS_LATER else "other"
