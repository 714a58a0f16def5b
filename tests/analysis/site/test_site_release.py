"""What a site shows is what a release may show: who is named on which day, and from when on an event is told."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from made_site import BLOCKED_FROM, DAYS, FEW, NAMED, NOW, STORY, YOUNG, at, log_row, reach, stamp, write_analysis
from probe_analysis.exports.release import DELAY, MIN_PROBES, WINDOW_DAYS
from probe_analysis.findings.finding_values import LookFinding, LookSource, SourceKind
from probe_analysis.findings.logged_findings import read_logged_finding
from probe_analysis.look.look_release import release_source
from probe_analysis.look.look_sentences import may_name
from probe_analysis.site.site_gather import gather_site
from probe_analysis.site.site_release import find_last_day, find_release_time, name_days
from probe_analysis.site.site_values import SiteData

_HOUR = timedelta(hours=1)
FIRST = date(2025, 3, 1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> SiteData:
    return gather_site(write_analysis(tmp_path_factory.mktemp("analysis"), STORY), now=NOW, operators={})


def source(finding: LookFinding, kind: SourceKind = "own") -> LookSource:
    return LookSource(kind=kind, label="", findings=(finding,), dismissed=(), measured=(), services_beside=0,
                      countries_beside=0)


def finding(*networks: Any, **values: Any) -> LookFinding:
    return read_logged_finding(log_row("x", networks, **values))


def test_a_network_is_named_while_enough_probes_were_heard_in_the_month_before() -> None:
    heard = [(("RU", NAMED), FIRST + timedelta(days=day), MIN_PROBES if day == 3 else 1) for day in range(60)]
    named = name_days(heard, "own")
    assert named == {(("RU", NAMED), FIRST + timedelta(days=day)) for day in range(3, 3 + WINDOW_DAYS)}
    assert name_days([(("RU", 0), FIRST, 50)], "own") == set(), "no number, no name"


@pytest.mark.parametrize(("standing", "named"), [("established", True), ("fresh", False), ("unknown", False)])
def test_names_that_nobody_knew_before_name_no_network(tmp_path: Path, standing: str, named: bool) -> None:
    shown = gather_site(write_analysis(tmp_path, STORY, standing=standing), now=NOW, operators={})
    assert any(asn for _, asn, _ in shown.sums) is named


def test_an_event_that_may_rest_on_fresh_names_names_no_network() -> None:
    for ruled_out, named in ((["fresh_names"], True), (["network"], False)):
        told = finding(reach(NAMED, MIN_PROBES), ruled_out=ruled_out)
        assert [may_name(source(told), one) for one in told.networks] == [named]


def test_the_last_day_is_over_for_as_long_as_a_release_waits() -> None:
    assert find_last_day(at(24 * 3), "own") == FIRST + timedelta(days=1)
    assert find_last_day(at(24 * 3) - timedelta(seconds=1), "own") == FIRST
    assert find_last_day(at(24 * 3), "counts") == FIRST + timedelta(days=2), "what others published waits for nobody"


def test_an_event_is_told_when_its_latest_time_is_old_enough() -> None:
    named, few = finding(reach(NAMED, MIN_PROBES)), finding(reach(FEW, MIN_PROBES - 1))
    last = at(BLOCKED_FROM + 9) + _HOUR
    assert find_release_time(source(named), named, _HOUR) == last + DELAY
    assert find_release_time(source(few), few, _HOUR) == at(11 * 24) + DELAY, "of few probes by whole days"
    assert find_release_time(source(few, "counts"), few, _HOUR) == last


def test_times_of_few_probes_are_days_that_hold_what_they_held() -> None:
    raw = finding(reach(FEW, 2), daily_hours=[3, 7])
    (shown,) = release_source(source(raw)).findings
    assert shown.daily_hours is None
    assert shown.onset_from is not None and raw.onset_from is not None  # noqa: PT018
    assert shown.onset_from <= raw.onset_from
    assert shown.onset_until >= raw.onset_until
    assert {moment.hour for moment in (shown.onset_from, shown.networks[0].onset_from) if moment} == {0}
    assert {(moment.hour, moment.minute) for moment in (shown.onset_until, shown.last)} == {(23, 59)}


def test_nothing_younger_than_a_day_is_shown(data: SiteData) -> None:
    assert {event.key for event in data.events} == {
        "2025-03-11-ru-telegram", "2025-03-11-ru-signal", "2025-03-03-ru-signal", "2025-03-11-de-signal"}
    assert data.first_day + timedelta(days=data.days) == (NOW - DELAY).date()
    assert all(change.published <= NOW for event in data.events for change in event.changes)
    assert max(event.finding.last for event in data.events) <= NOW - DELAY
    assert all(event.series.steps.begin(event.series.steps.count) <= NOW - DELAY for event in data.events
               if event.series)
    assert all(part.last <= NOW - DELAY for event in data.events for part in event.measured)


def test_what_is_shown_of_an_event_is_what_was_known_of_it_by_then(tmp_path: Path) -> None:
    begun = log_row("a")
    later = {**begun, "ongoing": False, "end_from": stamp(DAYS * 24 - 5), "end_until": stamp(DAYS * 24 - 4),
             "change": "ended", "revision": 2, "logged_at": stamp(DAYS * 24 - 3)}
    folder = write_analysis(tmp_path, (begun, later))
    (now,) = gather_site(folder, now=NOW, operators={}).events
    assert [change.change for change in now.changes] == ["new"]
    assert now.finding.end_from is None
    (day_later,) = gather_site(folder, now=NOW + DELAY, operators={}).events
    assert [change.change for change in day_later.changes] == ["new", "ended"]
    assert day_later.finding.end_until == at(DAYS * 24 - 4)


def test_a_network_of_few_probes_is_nowhere(data: SiteData) -> None:
    assert {(cc, asn) for cc, asn, _ in data.sums} == {("RU", NAMED), ("RU", 0), ("DE", 64511)}
    assert sum(counts[0] for counts in data.sums["RU", 0, "signal"].values()) == 3 * 24 * data.days
    assert str(FEW) not in repr(data)
    assert [one.asn for one in data.dismissed] == [0, NAMED]


def test_what_was_withdrawn_before_it_could_be_shown_never_was(tmp_path: Path) -> None:
    row = {**YOUNG, "change": "withdrawn", "revision": 2}
    assert gather_site(write_analysis(tmp_path, (YOUNG, row)), now=NOW + 3 * DELAY, operators={}).events[0].withdrawn
    young = gather_site(tmp_path, now=NOW, operators={})
    assert young.events == ()


def test_an_event_that_goes_on_is_counted_up_to_now(data: SiteData) -> None:
    event = next(one for one in data.events if one.key == "2025-03-11-ru-telegram")
    hours = (DAYS - 1) * 24 - BLOCKED_FROM
    assert (event.finding.n, event.finding.blocked) == (6 * hours, 6 * hours)
    assert event.finding.last == NOW - DELAY
    assert event.series is not None
    assert {cell.state for cell in event.series.line} == {"ok", "blocked"}
    assert (event.services_beside, event.countries_beside) == (1, 1)
