"""What is known of one service in one country: plain values, from which every sentence is made. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

SourceKind = Literal["own", "ooni", "counts"]
"""Results of volunteers' probes, OONI's measurements, or what somebody counted."""
FindingKind = Literal["event", "population", "network"]
"""An event of the service, what many probes say together, or an event of whole networks."""
FindingStatus = Literal["confirmed", "suspected"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LookSource:
    """Everything that one source says."""

    kind: SourceKind
    label: str
    """How a sentence calls it."""
    findings: tuple[LookFinding, ...]
    dismissed: tuple[DismissedWindow, ...]
    measured: tuple[MeasuredPart, ...]
    services_beside: int
    """Other services that were measured in the country."""
    countries_beside: int
    """Other countries in which the service was measured."""
    problems: tuple[str, ...] = ()
    """What could not be read, or was left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookSubject:
    """What is asked about."""

    service: str
    title: str
    cc: str
    roles: tuple[str, ...]
    """What the catalogue can measure of it."""
    sites: frozenset[str]
    """Domains of which all that is known belongs to the service."""
    site_targets: frozenset[str]
    """Targets of sites that others share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookData:
    """The subject, what each source says of it, and when it was asked."""

    subject: LookSubject
    sources: tuple[LookSource, ...]
    operators: Mapping[int, str]
    """Number of a network -> its operator."""
    now: datetime
    since: datetime | None = None
