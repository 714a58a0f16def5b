"""When and how what was found may be shown: the rules of `probe_analysis.exports.release`, for days and events. Pure.

A network is named on days on which enough probes were heard there in the 30 days up to then, of our own those alone
that were known some days before; the rest of a country is one sum. A day is shown when it has been over for as long as
a release waits, and so is an hour of a named network. What the log tells of an event is shown once all times in it are
so old; of networks that are not named, by whole days.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta

from probe_analysis.exports.release import DELAY, WINDOW_DAYS
from probe_analysis.findings.finding_values import LookFinding, LookSource, SourceKind
from probe_analysis.look.look_release import next_midnight
from probe_analysis.look.look_sentences import NAMED_FROM, is_by_day
from probe_analysis.site.site_values import Place

_DAY = timedelta(days=1)


def wait_for(kind: SourceKind) -> timedelta:
    """How long what was measured must have been over."""
    return DELAY if kind == "own" else timedelta(0)


def find_last_day(now: datetime, kind: SourceKind) -> date:
    """The last day that is over for so long."""
    return (now - wait_for(kind)).date() - _DAY


def name_days(heard: Iterable[tuple[Place, date, int]], kind: SourceKind) -> set[tuple[Place, date]]:
    """The days on which each network may be named. `heard`: (network, day, most probes in one of its hours).

    Probes of one hour are different ones, so their number is at most that of the 30 days.
    """
    by_place: dict[Place, dict[date, int]] = {}
    for place, day, witnesses in heard:
        by_place.setdefault(place, {})[day] = witnesses
    return {(place, day) for place, days in by_place.items() if place[1]
            for day in _list_named(days, NAMED_FROM[kind])}


def _list_named(days: Mapping[date, int], enough: int) -> Iterator[date]:
    """Those of the days with a day of enough probes among the `WINDOW_DAYS` up to them."""
    latest: date | None = None
    for day in sorted(days):
        latest = day if days[day] >= enough else latest
        if latest and day - latest < _DAY * WINDOW_DAYS:
            yield day


def find_release_time(source: LookSource, finding: LookFinding, step: timedelta) -> datetime:
    """From when on the finding may be shown, so that no row of the last hours can be told from it."""
    ends = (finding.onset_until, finding.end_from, finding.end_until, finding.last)
    networks = (one.onset_until for one in finding.networks)
    latest = max(moment for moment in (*ends, *networks) if moment) + step
    if is_by_day(source, finding):
        latest = next_midnight(latest)
    return latest + wait_for(source.kind)
