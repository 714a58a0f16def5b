"""What an event of a slowed service says of times: plain values, in seconds, with the series of its chart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from msgspec import Meta

Seconds = Annotated[float, Meta(ge=0, le=1000)]
Count = Annotated[int, Meta(ge=0, le=10**9)]
"""Bounds of what is read from a file."""
SLOW_KINDS: Final[dict[str, str]] = {
    "slowed.name": "names beside it at the same addresses are fast: the name matters",
    "slowed.address": "names beside it at the same addresses are as slow, or connecting is: the address matters",
    "slowed": "nobody measured another name at its addresses: by name or by address is not known",
}
"""Mechanism of such an event -> what it rests on."""
SLOWED: Final = "slowed"
"""Kind of such an event."""
MOST_POINTS = 120
"""Of a series: a month of quarters of days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowPoint:
    """Medians of one quarter of a day; 0: nobody measured."""

    hour: Count
    """Since 1970, when it begins."""
    own_s: Seconds
    beside_s: Seconds
    """Of other names of its prefix."""
    others_s: Seconds
    """Of names at other addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowTimes:
    """Medians of the slowest of the event's networks and names. None: nobody measured it."""

    step: Annotated[str, Meta(max_length=12)]
    """`handshake` or `connect`."""
    took_s: Seconds
    others_s: Seconds
    others_names: Count
    beside_s: Seconds | None
    beside_names: Count
    elsewhere_s: Seconds | None
    """On other networks of the country."""
    elsewhere_networks: Count
    abroad_s: Seconds | None
    before_s: Seconds | None
    """At other times."""
    connect_s: Seconds | None
    series: tuple[SlowPoint, ...] = ()
