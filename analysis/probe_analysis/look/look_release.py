"""What of a source may be shown: networks and hours of few volunteers are no part of it. Pure.

Rules of `probe_analysis.exports.release`, for sums: a network with fewer probes than a release takes has no number
here, and its times are days. Of others' public data only the names of networks with a single witness go.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from probe_analysis.findings.finding_values import LookFinding, LookNetwork, LookSource, MeasuredPart, PlannedPart
from probe_analysis.look.look_sentences import may_name

P = TypeVar("P", bound=PlannedPart)
_DAY = timedelta(days=1)
_REST = _DAY - timedelta(seconds=1)


def release_source(source: LookSource) -> LookSource:
    """The source as it may be shown; its hours of the day go where its times are days."""
    own = source.kind == "own"
    known = {(one.asn, one.label) for finding in source.findings for one in finding.networks if may_name(source, one)}
    return replace(source, findings=tuple(_finding(source, one) for one in source.findings),
                   measured=tuple(_part(source, one, known) if own else one for one in source.measured),
                   slowed=tuple(_unnumber(source, one) for one in source.slowed),
                   planned=tuple(_unnumber(source, one) for one in source.planned))


def _finding(source: LookSource, finding: LookFinding) -> LookFinding:
    networks = tuple(one if may_name(source, one) else _unname(one, by_day=source.kind == "own")
                     for one in finding.networks)
    if source.kind != "own" or all(may_name(source, one) for one in finding.networks):
        return replace(finding, networks=networks)
    times = replace(finding.times, series=()) if finding.times else None  # it may be of a network without a name
    if any(may_name(source, one) for one in finding.networks):
        return replace(finding, networks=networks, times=times)
    return replace(
        finding, networks=networks, onset_from=start_of_day(finding.onset_from) if finding.onset_from else None,
        onset_until=end_of_day(finding.onset_until),
        end_from=start_of_day(finding.end_from) if finding.end_from else None,
        end_until=end_of_day(finding.end_until) if finding.end_until else None, last=end_of_day(finding.last),
        daily_hours=None, daily_windows=(), times=times)


def _unnumber(source: LookSource, part: P) -> P:
    return part if may_name(source, part) else replace(part, asn=0, label="")


def _unname(network: LookNetwork, *, by_day: bool) -> LookNetwork:
    plain = replace(network, asn=0, label="")
    if not by_day:
        return plain
    return replace(plain, onset_from=start_of_day(network.onset_from) if network.onset_from else None,
                   onset_until=end_of_day(network.onset_until))


def _part(source: LookSource, part: MeasuredPart, known: set[tuple[int, str]]) -> MeasuredPart:
    if (part.asn, part.label) in known or may_name(source, part):
        return part
    return replace(part, asn=0, label="", first=start_of_day(part.first), last=next_midnight(part.last),
                   last_ok=next_midnight(part.last_ok) if part.last_ok else None)


def end_of_day(moment: datetime) -> datetime:
    """The last second of its day: an interval that is told by days holds what it held."""
    return start_of_day(moment) + _REST


def next_midnight(moment: datetime) -> datetime:
    """When the day is over; midnight itself is the end of the day before."""
    return start_of_day(moment - timedelta(microseconds=1)) + _DAY


def start_of_day(moment: datetime) -> datetime:
    """Midnight before it."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
