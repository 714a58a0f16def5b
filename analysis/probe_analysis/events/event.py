"""What an event is, and its name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from probe_analysis.events.cell_series import CellPlace
from probe_analysis.events.forging_costs import ForgersNeeded
from probe_analysis.events.hello_check import NO_HELLOS, HelloFindings
from probe_analysis.events.slow_times import SlowTimes
from probe_analysis.events.window import EventWindow
from probe_analysis.tables.event_checks import EventGround, EventStatus
from probe_analysis.tables.event_reasons import EventLack

DOWN_TO = 0.5
"""A network takes part in an event of its country with at least this share of the strength."""
_MOST = 0.6
"""Share of the blocked cells whose block types agree as deep as the mechanism is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkReach:
    """One network of an event, with its own times and counts."""

    asn: int
    onset_from: datetime | None
    onset: datetime
    onset_until: datetime
    end_from: datetime
    end_until: datetime | None
    blocked: int
    decided: int
    strength: float
    witnesses: int
    daily_hours: tuple[int, int] | None = None
    """First and last hour of the day (UTC), where the block keeps hours on this network; of several the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened to a service, or to whole networks, in one country. Times are UTC.

    It began between `onset_from` (the last measured cell that surely was as before, None: measuring began later) and
    `onset_until` (the first cell that surely was not); `onset` is the likeliest cell. It ended between `end_from` and
    `end_until` (None: nothing was measured since).
    """

    event_id: str
    kind: str
    """`service`; `services` where several are blocked together; `network` where the line itself may have failed;
    `slowed` where a service answers, late: then handshakes are counted, and which of them were slow."""
    status: EventStatus
    """`unplaced`: it surely fails, and nothing shows that the service does not refuse."""
    lab: bool
    place: str
    """Country, ISO 3166-1 alpha-2."""
    service: str
    roles: tuple[str, ...]
    endpoints: tuple[str, ...]
    """Targets that are known to be affected; empty: the roles as wholes were judged."""
    networks: tuple[NetworkReach, ...]
    onset_from: datetime | None
    onset: datetime
    onset_until: datetime
    end_from: datetime
    end_until: datetime | None
    ongoing: bool
    daily_hours: tuple[int, int] | None
    """First and last hour of the day (UTC) of a block that comes back daily on most of the networks; of several such
    windows the first."""
    strength: float
    """Share of what used to pass that is stopped."""
    blocked: int
    decided: int
    witnesses: int
    mechanism: str
    """Block type, as deep as most blocked cells agree."""
    probability: float
    """That it is a block of the service, see `probe_analysis.events.probability`; of a network, that it was cut."""
    ruled_out: tuple[str, ...]
    not_ruled_out: tuple[str, ...]
    ground: EventGround = "verdicts"
    own_hello: HelloFindings = NO_HELLOS
    """What the shapes of the volunteers' own ClientHellos show: which came with the onset, which are struck."""
    forgers: ForgersNeeded | None = None
    """What it would have cost to make it up, and to hide it; None where nobody counted probes, and of networks."""
    services_blocked: tuple[str, ...] = ()
    """Of kind `services`."""
    services_failed: tuple[str, ...] = ()
    """Of kind `network`: what failed together; empty where nobody counted by service."""
    services_spared: tuple[str, ...] = ()
    """What surely was well on these networks in the same hours."""
    countries_well: tuple[str, ...] = ()
    """Of kind `services`: other countries in which all of these were well in the same hours."""
    daily_windows: tuple[tuple[int, int], ...] = ()
    """All hours of the day that any of its parts keeps."""
    lacks: EventLack | Literal[""] = ""
    """What would confirm it; empty: it is confirmed."""
    part_of: str = ""
    """Id of the event of kind `services` to which one of a single service belongs."""
    times: SlowTimes | None = None
    """Of kind `slowed`."""


def make_event_id(kind: str, place: CellPlace, service: str, onset: datetime) -> str:
    """A name made from what the event is about: the same in every rerun over the same data."""
    about = "|".join((kind, "lab" if place.lab else "", place.cc, service, onset.isoformat()))
    return f"{onset:%Y%m%d}-{place.cc.lower()}-{hashlib.sha256(about.encode()).hexdigest()[:10]}"


def find_mechanism(windows: Sequence[EventWindow], names: Sequence[str]) -> str:
    """The longest prefix of dotted block types on which most blocked cells of the windows agree."""
    votes: dict[str, int] = {}
    for window in windows:
        inside = slice(window.first, window.last + 1)
        hit = window.series.blocked[inside] > 0
        for code, count in zip(*np.unique(window.series.types[inside][hit], return_counts=True), strict=True):
            if 0 <= code < len(names) and names[code]:
                votes[names[code]] = votes.get(names[code], 0) + int(count)
    return agree_on_cause(votes)


def agree_on_cause(votes: Mapping[str, int]) -> str:
    """The longest prefix of dotted block types on which most votes agree; empty where there is none."""
    total = sum(votes.values())
    prefixes: dict[str, int] = {}
    for name, count in votes.items():
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            prefix = ".".join(parts[:depth])
            prefixes[prefix] = prefixes.get(prefix, 0) + count
    agreed = [prefix for prefix, count in prefixes.items() if prefix and count >= _MOST * total > 0]
    return max(agreed, key=lambda prefix: (prefix.count("."), prefix), default="")
