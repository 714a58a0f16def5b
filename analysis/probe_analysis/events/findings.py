"""Everything that cells say: events, what looked like one and is none, and what fails by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from probe_analysis.events.cell_series import CellPlace
from probe_analysis.events.event import Event
from probe_analysis.tables.event_checks import EventCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class Dismissed:
    """A window that is no event, and why: for whoever checks the checks. Times are UTC."""

    place: CellPlace
    service: str
    role: str
    target_id: str
    onset: datetime
    end: datetime
    """When its last cell is over."""
    daily_hours: tuple[int, int] | None
    blocked: int
    decided: int
    explained_by: EventCheck
    numbers: Mapping[str, float]
    """What was counted for the check that explains it."""
    score: float
    """Nats over the base, before any check."""
    explained_too: bool = False
    """One device, or other countries, would explain it as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlakySeries:
    """A series that fails by itself again and again: only the surest and longest windows of it count."""

    place: CellPlace
    service: str
    role: str
    target_id: str
    first: datetime
    last: datetime
    """When its first cell begins and its last one is over."""
    bursts: int
    """How often it failed beyond the usual other service of its network."""
    longest_h: float
    """What lasts longer is none of its bursts."""
    base: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that the cells say."""

    events: tuple[Event, ...] = ()
    dismissed: tuple[Dismissed, ...] = ()
    flaky: tuple[FlakySeries, ...] = ()
