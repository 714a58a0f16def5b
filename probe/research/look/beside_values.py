"""What others say beside the measurements: legal lists, application stores, outages. Plain values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

OutageSource = Literal["IODA", "Cloudflare Radar"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterMention:
    """One entry of a list that names targets of the service in one way."""

    targets: tuple[str, ...]
    match: str
    """A word of `MATCHES` of the registers."""
    listed: str
    date: str
    """YYYY-MM-DD; empty: the list does not tell."""
    until: str
    authority: str
    decision: str
    """Number or reason, as the list writes it."""
    place: int
    """Line; of JSON the number of the entry."""
    shared: str
    """Why the entry may be about somebody else; empty: no such sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterSays:
    """One list and what it names."""

    register: str
    title: str
    source: str
    time: str
    """How the list stood then."""
    why: str
    """Why it could not be read; empty: it was."""
    entries: int
    targets: int
    """Targets of the service that were looked for."""
    mentions: tuple[RegisterMention, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreListing:
    """One application in the country's storefront of one store: its latest check."""

    store: str
    app: str
    probe_cc: str
    """Where the asker was."""
    state: str
    """A word of the store checks."""
    reason: str
    checked: datetime
    checks: int
    removed_from: datetime | None
    """A removal that settled: it was seen then; None: none did, or it is back."""
    removed_until: datetime | None


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

    registers: tuple[RegisterSays, ...] = ()
    stores: tuple[StoreListing, ...] = ()
    stores_asked: bool = False
    outages: tuple[OutageReport, ...] = ()
    outages_asked: bool = False
    problems: tuple[str, ...] = ()
    """What could not be read."""
