"""What a list asks of the runs of one country, and what an old list allows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from probe.upkeep.updates.list_document import EVERYWHERE, OLD, CountryPolicy

MAX_AGE_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLimits:
    """What runs keep to, whatever the settings say."""

    pause: str = ""
    stop: frozenset[str] = frozenset()
    """Services that are not measured."""
    max_level: int = 3
    max_tier: int = 3
    pace_s: float = 0.0

    @property
    def words(self) -> str:
        """The limits in words; empty when there is none."""
        parts = [f"a pause: {self.pause}"] if self.pause else []
        parts += [f"nothing of {', '.join(sorted(self.stop))}"] if self.stop else []
        parts += [f"level {self.max_level} at most"] if self.max_level < 3 else []
        parts += [f"tier {self.max_tier} at most"] if self.max_tier < 3 else []
        parts += [f"{self.pace_s:g} s between new flows at least"] if self.pace_s else []
        return ", ".join(parts)


NO_LIMITS = ListLimits()


def choose_limits(policy: Mapping[str, CountryPolicy], cc: str, *, old: bool = False) -> ListLimits:
    """The strictest of what is asked of all and of the country `cc` (ISO 3166; ZZ where it is not told)."""
    asked = [policy[code] for code in (cc.upper(), EVERYWHERE) if code in policy] + ([OLD] if old else [])
    return ListLimits(
        pause=next((one.pause for one in asked if one.pause), ""),
        stop=frozenset(service for one in asked for service in one.stop),
        max_level=min((one.max_level for one in asked), default=3),
        max_tier=min((one.max_tier for one in asked), default=3),
        pace_s=max((one.pace_s for one in asked), default=0.0),
    )
