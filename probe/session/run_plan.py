"""How a run is to be made: chosen before the first packet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from probe.core.tables.run_words import Trigger
from probe.session.planning.rotation import RotationTurn


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """How this run is to be made."""

    deadline_s: float
    fast: bool = False
    trigger: Trigger = "manual"
    seed: int | None = None
    tier: int = 1
    inputs: frozenset[str] = frozenset()
    turn: RotationTurn | None = None
    """Of a run whose schedule takes turns; then `tier` says nothing."""
    transfers: bool = True
    """Whether the line may carry more than ordinary pages."""
    conditions: tuple[str, ...] = ()
    """What is known of the device and its line, as `condition:word`."""
    started_at: datetime | None = None
    lab: bool = False
    everywhere: bool = False
    """Whether many addresses of a name are looked at, each up to its handshake."""
    least_pace_s: float = 0.0
    """Between two new flows, whatever the deadline asks for."""

    @property
    def share(self) -> tuple[str, ...]:
        """What of the catalogue is taken, for the runs table."""
        if self.inputs:
            return (f"inputs:{len(self.inputs)}",)
        return self.turn.words if self.turn else (f"tier:{self.tier}",)
