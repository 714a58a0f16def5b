"""What was found, dismissed and measured, as report, look and site tell it. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from probe_analysis.events.slow_times import SlowTimes

SourceKind = Literal["own", "ooni", "counts"]
"""Results of volunteers' probes, OONI's measurements, or what somebody counted."""
FindingKind = Literal["event", "population", "network", "slowed"]
"""An event of the service, what many probes say together, an event of whole networks, or the service answers late."""
FindingStatus = Literal["confirmed", "suspected", "unplaced"]
"""`unplaced`: it surely fails, and whether a block or the service's own refusal is not known."""
Name = Annotated[str, Meta(max_length=120)]
Count = Annotated[int, Meta(ge=0, le=10**12)]
Share = Annotated[float, Meta(ge=0, le=1)]
"""Bounds of what is read from a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookNetwork:
    """One network of a finding. Times are UTC."""

    asn: int
    """0 or less: it has no number."""
    label: str
    """What a file of counts calls it; empty: by its number."""
    n: int
    blocked: int
    witnesses: int | None
    """Different probes; None: nobody counted them."""
    onset_from: datetime | None
    onset_until: datetime
    known: bool
    """They were known some days before, as far as the source is of our own probes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetCause:
    """How one target fails, and how often it was met so."""

    target: str
    cause: str
    """Block type."""
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LookFinding:
    """Something that happened: when, to what, how, and how sure that is."""

    kind: FindingKind
    status: FindingStatus
    service: str
    """As the source names it: the service, or a web site of it; empty for whole networks."""
    roles: tuple[str, ...]
    targets: tuple[str, ...]
    """Of the roles these alone; empty: the roles as wholes."""
    networks: tuple[LookNetwork, ...]
    onset_from: datetime | None
    """It was surely as before then; None: nobody measured before."""
    onset_until: datetime
    end_from: datetime | None
    """None: it goes on as far as is measured."""
    end_until: datetime | None
    last: datetime
    """The end of the last cell that shows it."""
    mechanism: str
    """Block type, as deep as is agreed; empty: not known."""
    n: int
    blocked: int
    witnesses: int | None
    strength: float
    """Share of what used to pass that is stopped on these networks."""
    daily_hours: tuple[int, int] | None
    """First and last hour of the day (UTC), where it keeps hours."""
    probability: float | None
    basis: str
    """Of a population's verdict: what an accusation rests on."""
    ruled_out: tuple[str, ...]
    not_ruled_out: tuple[str, ...]
    causes: tuple[TargetCause, ...] = ()
    """Target by target, as far as targets were counted; those of one target may differ from those of another."""
    daily_windows: tuple[tuple[int, int], ...] = ()
    """All hours of the day that any part of it keeps."""
    because: str = ""
    """A sentence; of an event, why there is one."""
    would_confirm: str = ""
    """Of an event that is not confirmed."""
    part_of: str = ""
    """Id of an event of several services to which it belongs."""
    times: SlowTimes | None = None
    """Of kind `slowed`: its counts are of handshakes, and of those that were slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DismissedWindow:
    """A time of failures that is no event."""

    service: str
    role: str
    onset: str
    end: str
    n: int
    blocked: int
    explained_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredPart:
    """What was counted of one role of a service in one network."""

    asn: int
    label: str
    service: str
    role: str
    n: int
    ok: int
    blocked: int
    down: int
    inconclusive: int
    network: int
    local: int
    witnesses: int | None
    """The most in one hour."""
    first: datetime
    last: datetime
    """The end of the last cell."""
    last_ok: datetime | None
    """The end of the last cell in which it was well; None: it never was."""
    known: bool = True
    """As many are in one hour that were known some days before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPart:
    """Planned connections to a service on one network in the latest 60 days, and how many were in trouble: failed, or
    had to send anything again."""

    asn: Count
    label: str
    """Empty: by its number."""
    service: Name
    known: bool
    """As many probes as are named in one hour were known there some days before."""
    witnesses: int | None
    """The most that measured in six hours."""
    n: Count
    troubled: int
    low: Share
    high: Share
    """Between these lies the share in trouble, with 95 %."""
    beside_n: Count
    """Innocent names at the same addresses."""
    beside_troubled: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowedPart(PlannedPart):
    """A suspicion that a service is slowed on one network for days: the counts are of these days."""

    first_day: Name
    last_day: Name
    has_onset: bool
    """Before it there was a day without such trouble."""
    others_n: Count
    others_troubled: Count
    """Of the network's other services in the same quarters of days."""
    elsewhere_n: Count
    elsewhere_troubled: Count
    """Of the service in other countries on the same days."""
    by_name: bool
    """Innocent names at its addresses are spared."""
    not_ruled_out: Annotated[tuple[Name, ...], Meta(max_length=12)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedPart:
    """Handshakes of one service in the latest 60 days, whose times were held against those of others."""

    service: Name
    n: Count
    networks: Count
    alone: Count
    """Networks beside which nobody timed it on another one of the country."""
    others_n: Count
    """Handshakes with other names on these networks."""
    others_names: Count
    """The most on one network."""
    beside_names: Count
    """The most in the service's own prefixes."""
    typical_s: float
    slowest_s: float
    """Geometric means of the fastest and of the slowest network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDefect:
    """What is known to be wrong with the versions that measured, and how many verdicts were set aside for it."""

    what: str
    verdicts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LookSource:
    """Everything that one source says."""

    kind: SourceKind
    label: str
    """How a sentence calls it."""
    findings: tuple[LookFinding, ...] = ()
    dismissed: tuple[DismissedWindow, ...] = ()
    measured: tuple[MeasuredPart, ...] = ()
    services_beside: int = 0
    """Other services that were measured in the country."""
    countries_beside: int = 0
    """Other countries in which the service was measured."""
    problems: tuple[str, ...] = ()
    """What could not be read, or was left out."""
    slowed: tuple[SlowedPart, ...] = ()
    planned: tuple[PlannedPart, ...] = ()
    times: tuple[TimedPart, ...] | None = None
    """None: what was examined is not told."""
    defects: tuple[KnownDefect, ...] = ()
    """Failures that are the program's own."""
    other_side: int = 0
    """Rows that were left out: the laboratory's, or where those are wanted all others."""
