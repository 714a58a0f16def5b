"""What a public site shows: events with what was told of them, daily sums, and what was dismissed. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeAlias

from probe_analysis.events.corrections import Correction
from probe_analysis.findings.finding_values import LookFinding, LookSource, MeasuredPart, SourceKind
from probe_analysis.findings.logged_findings import LoggedWindow
from probe_analysis.pages.time_buckets import BucketCell, TimeBuckets
from probe_analysis.site.day_lines import DayLine

Place: TypeAlias = tuple[str, int]
"""Country and number of a network; 0: networks that may not be named, together."""
DaySums: TypeAlias = Mapping[tuple[str, int, str], DayLine]
"""(country, network, service) -> days, by their number since `SiteData.first_day`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteChange:
    """One thing that was told of an event: what the feeds and alerts say."""

    change: str
    """A word of `probe_analysis.events.event_log.CHANGES`."""
    revision: int
    published: datetime
    """From when on it may be shown."""
    finding: LookFinding


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSeries:
    """What was counted around an event, on its networks, in steps."""

    steps: TimeBuckets
    line: tuple[BucketCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteEvent:
    """One event as it may be shown."""

    key: str
    """Names its page, and never changes: first day, country, subject, and a number where several are alike."""
    cc: str
    service: str
    """Empty: whole networks."""
    finding: LookFinding
    """The latest word on it."""
    withdrawn: bool
    changes: tuple[SiteChange, ...]
    """All that was told, the first first."""
    measured: tuple[MeasuredPart, ...] = ()
    """What was counted of the service in the country around it."""
    services_beside: int = 0
    countries_beside: int = 0
    series: EventSeries | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteData:
    """Everything that may be shown, released already."""

    kind: SourceKind
    lab: bool
    now: datetime
    step: timedelta
    """Of a cell."""
    first_day: date
    days: int
    """So many days are shown, the last of them over and released."""
    events: tuple[SiteEvent, ...]
    dismissed: tuple[LoggedWindow, ...]
    sums: DaySums
    titles: Mapping[str, str]
    """Service -> what people call it."""
    operators: Mapping[int, str]
    labels: Mapping[int, str]
    """What a file of counts calls networks without a number."""
    unread: int = 0
    """Rows of the log that are none."""
    corrections: Mapping[str, tuple[Correction, ...]] = field(default_factory=dict)
    """Key of an event -> what people said of it."""


def make_source(data: SiteData, event: SiteEvent, finding: LookFinding) -> LookSource:
    """An event as the only finding of the site's source: what the sentences of `probe look` are made from."""
    return LookSource(
        kind=data.kind, label="volunteers' probes" if data.kind == "own" else "counts of others", findings=(finding,),
        measured=event.measured, services_beside=event.services_beside,
        countries_beside=event.countries_beside)
