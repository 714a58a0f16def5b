"""What others say beside the measurements: outages, and the parts of plug-ins. Plain values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from probe_analysis.look.beside_plugin import BesidePart

OutageSource = Literal["IODA", "Cloudflare Radar"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageReport:
    """An outage that somebody else reports, of a country or of networks. Its cause is not read: nobody measured it."""

    source: OutageSource
    ccs: tuple[str, ...]
    """Empty: the report names networks alone."""
    asns: tuple[int, ...]
    """Empty: of the country, or the part that `part` names."""
    part: str
    signal: str
    """By which of its data; empty: not told."""
    start: datetime
    end: datetime | None
    """None: it is not told to be over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookBeside:
    """All of it; empty where nobody asked."""

    parts: tuple[BesidePart, ...] = ()
    """What plug-ins read, in the order of their names."""
    outages: tuple[OutageReport, ...] = ()
    outages_asked: bool = False
    problems: tuple[str, ...] = ()
    """What could not be read."""
