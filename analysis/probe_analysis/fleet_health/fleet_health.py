"""A fleet's health from its days: who is silent, which networks are thin, what the probes run. Pure.

A probe's name lasts a month, so who was silent over the turn of a month is known by networks, which have no such end.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from statistics import median

from probe.core.stamps import format_time, parse_time
from probe.store.archive.vouched_names import VouchedNames
from probe.upkeep.status.status_findings import CLOCK_S
from probe_analysis.exports.established_probes import count_established
from probe_analysis.exports.release import MIN_PROBES, WINDOW_DAYS
from probe_analysis.fleet_health.probe_days import DayRuns, ProbeDay

SILENT_AFTER = timedelta(hours=24)
"""A probe of a laptop sleeps at night, and uploads wait up to twelve hours after a failure."""
SILENT_TIMES = 4
"""It is silent at the earliest once so many of its usual intervals are over."""
USUAL_DAYS = 7
_MANY_DAYS = WINDOW_DAYS + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeHealth:
    """One probe, by its name of the month."""

    probe_id: str
    cc: str
    asn: int
    last_run: str
    usual_interval_h: float
    age_h: float
    """Since the last run began."""
    silent: bool
    former: bool
    """Its name ended with the month: nobody knows whether it is silent."""
    clock_offset_s: float | None
    consent_level: int
    software: str
    catalogue: str
    rules: str
    schema: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkHealth:
    """One network, or what of a country has none that may be published."""

    cc: str
    asn: int
    probes: int
    """That began a run in the last 24 hours."""
    usual_probes: float
    """Median of the last seven finished days."""
    quiet: bool
    """Whether fewer than half of the usual probes are there."""
    runs_yesterday: int
    established: int
    """Names of 30 days that are known for long enough: by these a release decides what of the network it publishes."""
    named: bool
    """Whether a release names the network, and the hour: else it says country and day; `told` in JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetHealth:
    """A fleet at one moment."""

    generated: str
    newest_run: str
    runs_today: int
    runs_yesterday: int
    runs_month: int
    nameless_runs: int
    """Of the month: of probes that have no name, so nobody can count them."""
    ahead_runs: int
    """Dated later than tomorrow: counted nowhere else."""
    unusable_runs: int
    unreadable_runs: int
    cut_yesterday: int
    outcomes_yesterday: dict[str, int]
    observations_yesterday: int
    bytes_read_yesterday: int
    bytes_written_yesterday: int
    probes: tuple[ProbeHealth, ...] = ()
    networks: tuple[NetworkHealth, ...] = ()
    versions: dict[str, dict[str, int]] = field(default_factory=dict)
    """software, catalogue, rules, schema -> version -> probes that are there."""
    consent_levels: dict[int, int] = field(default_factory=dict)

    @property
    def active(self) -> tuple[ProbeHealth, ...]:
        """Probes that are there."""
        return tuple(probe for probe in self.probes if not probe.silent and not probe.former)

    @property
    def silent(self) -> tuple[ProbeHealth, ...]:
        """Probes that should have been heard of."""
        return tuple(probe for probe in self.probes if probe.silent)

    @property
    def clocks_off(self) -> tuple[ProbeHealth, ...]:
        """Probes that are there with a clock that is wrong by more than a minute."""
        return tuple(probe for probe in self.active if abs(probe.clock_offset_s or 0) > CLOCK_S)


def find_first_day(now: datetime) -> date:
    """The first day that is looked at."""
    return now.astimezone(UTC).date() - timedelta(days=_MANY_DAYS)


def describe_fleet(days: Sequence[DayRuns], *, now: datetime, lab: bool,
                   vouched: VouchedNames | None = None) -> FleetHealth:
    """`days`: those from `find_first_day` on; of the laboratory's runs and the others only one kind is counted.
    `vouched`: since when the collector knows the names, where it keeps a record."""
    today = now.astimezone(UTC).date()
    known = [day for day in days if date.fromisoformat(day.day) <= today + timedelta(days=1)]
    rows = {date.fromisoformat(day.day): [probe for probe in day.probes if probe.lab is lab] for day in known}
    late = [day for day in days if date.fromisoformat(day.day) > today + timedelta(days=1)]
    yesterday = rows.get(today - timedelta(days=1), [])
    probes = tuple(sorted(_describe_probes(rows, now), key=lambda probe: (not probe.silent, probe.probe_id)))
    here = [probe for probe in probes if not probe.silent and not probe.former]
    everything = [probe for found in rows.values() for probe in found]
    return FleetHealth(
        generated=format_time(now), newest_run=max((probe.last_run for probe in everything), default=""),
        runs_today=_sum_runs(rows.get(today, [])), runs_yesterday=_sum_runs(yesterday),
        runs_month=_sum_runs(everything), nameless_runs=_sum_runs(p for p in everything if not p.probe_id),
        ahead_runs=_sum_runs(probe for day in late for probe in day.probes if probe.lab is lab),
        unusable_runs=sum(day.unusable for day in known), unreadable_runs=sum(day.unreadable for day in known),
        cut_yesterday=sum(probe.cut for probe in yesterday),
        outcomes_yesterday=dict(sum((Counter(probe.outcomes) for probe in yesterday), Counter[str]())),
        observations_yesterday=sum(probe.observations for probe in yesterday),
        bytes_read_yesterday=sum(probe.bytes_read for probe in yesterday),
        bytes_written_yesterday=sum(probe.bytes_written for probe in yesterday),
        probes=probes, networks=tuple(_describe_networks(rows, now, vouched)),
        versions={kind: dict(Counter(str(getattr(probe, kind)) for probe in here))
                  for kind in ("software", "catalogue", "rules", "schema")},
        consent_levels=dict(Counter(probe.consent_level for probe in here)),
    )


def _sum_runs(probes: Iterable[ProbeDay]) -> int:
    return sum(probe.runs for probe in probes)


def _describe_probes(rows: dict[date, list[ProbeDay]], now: datetime) -> Iterator[ProbeHealth]:
    by_name: defaultdict[str, dict[date, list[ProbeDay]]] = defaultdict(lambda: defaultdict(list))
    for day, found in rows.items():
        for probe in found:
            if probe.probe_id:
                by_name[probe.probe_id][day].append(probe)
    for probe_id, days in by_name.items():
        last = max((probe for found in days.values() for probe in found), key=lambda probe: probe.last_run)
        began = parse_time(last.last_run)
        finished = [_sum_runs(found) for day, found in days.items() if day < now.astimezone(UTC).date()]
        interval = timedelta(hours=24) / max(median(finished or [1]), 1)
        former = (began.year, began.month) != (now.year, now.month) and began < now
        age = max(now - began, timedelta(0))
        yield ProbeHealth(
            probe_id=probe_id, cc=last.cc, asn=last.asn, last_run=last.last_run, former=former,
            usual_interval_h=round(interval / timedelta(hours=1), 2), age_h=round(age / timedelta(hours=1), 1),
            silent=not former and age > max(SILENT_AFTER, SILENT_TIMES * interval),
            clock_offset_s=last.clock_offset_s, consent_level=last.consent_level, software=last.software,
            catalogue=last.catalogue, rules=last.rules, schema=last.schema)


def _describe_networks(rows: dict[date, list[ProbeDay]], now: datetime,
                       vouched: VouchedNames | None) -> Iterator[NetworkHealth]:
    today = now.astimezone(UTC).date()
    names: defaultdict[tuple[str, int], defaultdict[date, set[str]]] = defaultdict(lambda: defaultdict(set))
    lately: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for day, found in rows.items():
        for probe in found:
            if probe.probe_id:
                names[probe.cc, probe.asn][day].add(probe.probe_id)
                if now - parse_time(probe.last_run) < timedelta(hours=24):
                    lately[probe.cc, probe.asn].add(probe.probe_id)
    first = min(rows, default=today)
    before = [today - timedelta(days=back) for back in range(1, USUAL_DAYS + 1)]
    yesterday = Counter[tuple[str, int]]()
    for probe in rows.get(today - timedelta(days=1), []):
        yesterday[probe.cc, probe.asn] += probe.runs
    for network in sorted(names):
        by_day = names[network]
        usual = float(median([len(by_day.get(day, ())) for day in before if day >= first] or [0]))
        now_there = _count_once(lately[network], by_day, today)
        known = count_established(by_day, today, network[1], vouched)
        yield NetworkHealth(
            cc=network[0], asn=network[1], probes=now_there, usual_probes=usual, quiet=now_there < usual / 2,
            runs_yesterday=yesterday[network], established=known, named=bool(network[1]) and known >= MIN_PROBES)


def _count_once(names: set[str], by_day: dict[date, set[str]], today: date) -> int:
    """How many probes these are; on the first of a month each may have two names: that of the day with more counts."""
    if today.day > 1:
        return len(names)
    days: Sequence[set[str]] = [by_day.get(today - timedelta(days=back), set()) & names for back in (0, 1)]
    return max(map(len, days))
