"""What is known of one service in one country: plain values, from which every sentence is made. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from probe_analysis.findings.finding_values import LookSource
from probe_analysis.look.beside_values import LookBeside
from probe_analysis.look.look_words import Topic


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
    beside: LookBeside = field(default_factory=LookBeside)
    """What others say: legal lists, stores, outages."""
    lab: bool = False
    """The laboratory's rows were counted: nothing of it is to be printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookSentence:
    """One sentence, and the rows that it rests on."""

    topic: Topic
    text: str
    rows: tuple[str, ...]
    """Anchors of rows or tables of the page."""
