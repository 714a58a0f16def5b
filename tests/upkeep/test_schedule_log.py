"""The log of a schedule, and which runs are missing from it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.upkeep.schedules.missing_runs import Gap, find_gaps, list_terms
from probe.upkeep.schedules.schedule_log import ScheduleEvent, append_event, read_events

T0 = datetime(2026, 11, 25, 10, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)


def installed(at: datetime = T0, every_min: int = 60) -> ScheduleEvent:
    return ScheduleEvent(at=at - timedelta(minutes=5), kind="installed", by="cron", every_min=every_min, minute=7,
                         first=at)


def ran(at: datetime, *, ended: bool = True) -> list[ScheduleEvent]:
    over = [ScheduleEvent(at=at + timedelta(minutes=15), kind="ended", run_id="r")] if ended else []
    return [ScheduleEvent(at=at, kind="started"), *over]


def missing(*events: ScheduleEvent, until: datetime, running: bool = False) -> tuple[Gap, ...]:
    return find_gaps(sorted(events, key=lambda e: e.at), since=T0 - 24 * HOUR, until=until, running=running)


def test_nothing_is_missing_where_each_run_came_late_by_chance() -> None:
    late = [timedelta(minutes=m) for m in (0, 9, 3, 10, 0)]
    events = [installed(), *(e for n, more in enumerate(late) for e in ran(T0 + n * HOUR + more))]
    assert missing(*events, until=T0 + 5 * HOUR) == ()


def test_an_hour_off_is_one_gap_and_a_late_run_fills_no_earlier_place() -> None:
    back = T0 + 4 * HOUR + timedelta(minutes=40)
    events = [installed(), *ran(T0), *ran(back), *ran(T0 + 5 * HOUR)]
    (gap,) = missing(*events, until=T0 + 6 * HOUR)
    assert (gap.first, gap.last, gap.n, gap.why) == (T0 + HOUR, T0 + 3 * HOUR, 3, "not_started")


@pytest.mark.parametrize(("event", "why"), [
    (ScheduleEvent(at=T0 + HOUR, kind="overlap"), "overlap"),
    (ScheduleEvent(at=T0 + HOUR, kind="refused", why="x"), "refused"),
    (ScheduleEvent(at=T0 + HOUR, kind="failed", why="the disk is full"), "failed"),
    (ScheduleEvent(at=T0 + HOUR, kind="started"), "broken_off"),
    *((ScheduleEvent(at=T0 + HOUR, kind="skipped", why=why), why) for why in ("battery", "metered", "late")),
    (ScheduleEvent(at=T0 + HOUR, kind="skipped", why="a word of a later version"), "failed"),
])
def test_a_missing_run_has_its_reason(event: ScheduleEvent, why: str) -> None:
    (gap,) = missing(installed(), *ran(T0), event, *ran(T0 + 2 * HOUR), until=T0 + 3 * HOUR)
    assert (gap.first, gap.n, gap.why) == (T0 + HOUR, 1, why)


def test_a_run_that_failed_after_it_began_is_a_failure() -> None:
    events = [installed(), *ran(T0, ended=False),
              ScheduleEvent(at=T0 + timedelta(minutes=9), kind="failed", why="full")]
    assert [gap.why for gap in missing(*events, until=T0 + HOUR)] == ["failed"]


def test_a_run_that_goes_on_is_not_broken_off() -> None:
    events = [installed(), *ran(T0, ended=False)]
    until = T0 + timedelta(minutes=30)
    assert missing(*events, until=until, running=True) == ()
    assert [gap.why for gap in missing(*events, until=until)] == ["broken_off"]


def test_what_is_not_due_is_not_missing() -> None:
    assert missing(installed(), until=T0 + timedelta(minutes=10)) == ()
    assert missing(ScheduleEvent(at=T0, kind="started"), until=T0 + 9 * HOUR) == (), "without a schedule nothing is due"
    ended = ScheduleEvent(at=T0 + HOUR - timedelta(minutes=9), kind="uninstalled")
    assert missing(installed(), *ran(T0), ended, until=T0 + 9 * HOUR) == ()


def test_a_new_interval_counts_from_its_own_beginning() -> None:
    second = installed(T0 + 3 * HOUR, every_min=180)
    events = [installed(), *ran(T0), *ran(T0 + HOUR), *ran(T0 + 2 * HOUR), second, *ran(T0 + 3 * HOUR)]
    (gap,) = missing(*events, until=T0 + 6 * HOUR + timedelta(minutes=59))
    assert (gap.first, gap.n) == (T0 + 6 * HOUR, 1)
    assert [term.rhythm.every_min for term in list_terms(events)] == [60, 180]


@given(st.lists(st.tuples(st.integers(-10**6, 10**6), st.sampled_from(
    ["installed", "uninstalled", "started", "ended", "overlap", "refused", "failed", "gap", "?"])), max_size=30),
    st.integers(-10**6, 10**6))
def test_no_history_is_too_odd(history: list[tuple[int, str]], until_s: int) -> None:
    events = [ScheduleEvent(at=T0 + timedelta(seconds=s), kind=kind, every_min=60) for s, kind in sorted(history)]
    until = T0 + timedelta(seconds=until_s)
    found = find_gaps(events, since=T0 - timedelta(seconds=10**6), until=until)
    assert all(gap.n >= 1 and gap.first <= gap.last <= until for gap in found)
    assert list(found) == sorted(found, key=lambda gap: gap.first)


def test_of_a_year_every_hour_is_a_run_or_in_one_gap(tmp_path: Path, rng: random.Random) -> None:
    """Outages, kills, refusals, late runs after an outage: 8760 hours, written and read back month by month."""
    hours, filled, down = 8760, 0, 0
    lines: dict[str, list[bytes]] = {}

    def note(event: ScheduleEvent) -> None:
        lines.setdefault(f"{event.at:%Y-%m}", []).append(msgspec.json.encode(event))

    note(installed())
    for hour in range(hours):
        down = down - 1 if down else rng.randrange(1, 60) if rng.random() < 0.01 else 0
        if down > 1:
            continue
        at = T0 + hour * HOUR + timedelta(minutes=rng.uniform(0, 40 if down else 10))
        kind = rng.choices(["well", "killed", "overlap", "refused", "failed"], [90, 3, 3, 2, 2])[0]
        events = {"well": ran(at), "killed": ran(at, ended=False)}.get(kind, [ScheduleEvent(at=at, kind=kind)])
        for event in events:
            note(event)
        filled += kind == "well"
    for name, events_of in lines.items():
        (tmp_path / "schedule").mkdir(exist_ok=True)
        (tmp_path / "schedule" / f"{name}.jsonl").write_bytes(b"\n".join(events_of) + b"\n")
    end = T0 + hours * HOUR
    events = read_events(tmp_path, since=T0 - HOUR)
    found = find_gaps(events, since=T0, until=end)
    assert sum(gap.n for gap in found) + filled == hours
    assert all(a.last < b.first for a, b in pairwise(found))
    late = read_events(tmp_path, since=end - 30 * 24 * HOUR)
    assert len(late) < 2 * 31 * 24 + 50
    month = find_gaps(late, since=end - 30 * 24 * HOUR, until=end)
    assert sum(gap.n for gap in month) == sum(
        1 for gap in found for n in range(gap.n) if gap.first + n * HOUR >= end - 30 * 24 * HOUR)


def test_the_log_survives_what_a_crash_leaves(tmp_path: Path) -> None:
    append_event(tmp_path, installed())
    file = tmp_path / "schedule" / "2026-11.jsonl"
    with file.open("ab") as handle:
        handle.write(b'{"at":"2026-11-25T10:07:0')
    append_event(tmp_path, ScheduleEvent(at=T0, kind="started"))
    file.write_bytes(file.read_bytes() + b"\xff\xfe\n[]\nnull\n" + b'{"at":"2026-11-25T10:07:00","kind":"no zone"}\n')
    assert [event.kind for event in read_events(tmp_path, since=T0 - HOUR)] == ["installed", "started"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_schedule_of_long_ago_is_still_known(tmp_path: Path) -> None:
    append_event(tmp_path, installed(T0 - 24 * 90 * HOUR))
    append_event(tmp_path, ScheduleEvent(at=T0 - 24 * 89 * HOUR, kind="started"))
    assert [event.kind for event in read_events(tmp_path, since=T0)] == ["installed"]
    assert read_events(tmp_path / "absent", since=T0) == []
