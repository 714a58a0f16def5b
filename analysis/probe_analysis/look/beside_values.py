"""What others say beside the measurements: outages, and the parts of plug-ins. Plain values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from probe_analysis.imported.outage_reports import OutageReport

if TYPE_CHECKING:
    from probe_analysis.look.beside_plugin import BesidePart


@dataclass(frozen=True, slots=True, kw_only=True)
class LookBeside:
    """All of it; empty where nobody asked."""

    parts: tuple[BesidePart, ...] = ()
    """What plug-ins read, in the order of their names."""
    outages: tuple[OutageReport, ...] = ()
    outages_asked: bool = False
    problems: tuple[str, ...] = ()
    """What could not be read."""
