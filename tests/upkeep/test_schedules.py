"""When runs are due, what stands in a crontab and in units, and which runs are missing: pure functions."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.cli.watch import make_run_command
from probe.config.settings import RunSettings, Settings, VantageSettings
from probe.upkeep.schedules import cron, systemd
from probe.upkeep.schedules.missing_runs import Gap, ScheduleTerm, find_gaps, list_terms
from probe.upkeep.schedules.rhythm import EVERY_MIN, STOP_GRACE_S, Rhythm, make_rhythm
from probe.upkeep.schedules.schedule_log import ScheduleEvent, append_event, read_events
from probe.upkeep.schedules.turns import RunTime, choose_run_time, find_turn

T0 = datetime(2026, 11, 25, 10, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)
PERSONS = "# my own\nMAILTO=me\n5 4 * * * backup --all 100\\%\n\n@reboot /bin/x\n"
BLOCK = cron.make_block(make_rhythm(60, 7), ("/opt/probe", "run", "--timed"), errors="/home/me/e.txt")

rhythms = st.builds(make_rhythm, st.sampled_from(EVERY_MIN), st.integers(0, 59))
moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


# ---- when

@given(rhythms, st.floats(5, 7200))
def test_a_run_ends_before_the_earliest_start_of_the_next(beat: Rhythm, wanted_s: float) -> None:
    deadline_s = beat.deadline_s(wanted_s)
    assert 5 <= deadline_s <= wanted_s
    latest_end, next_start = beat.jitter_s + deadline_s, beat.every_s
    assert latest_end + 60 <= next_start


@given(rhythms, st.floats(5, 7200), st.integers(0, 10**6), st.floats(0, 1))
def test_a_timed_run_ends_before_its_successor_may_start(
    beat: Rhythm, wanted_s: float, slot: int, delay: float,
) -> None:
    """However late by chance it is, and whatever the configuration wants."""
    term = ScheduleTerm(begin=T0, end=None, rhythm=beat, by="systemd-user")
    due = T0 + slot % 10_000 * timedelta(seconds=beat.every_s)
    start = due + delay * timedelta(seconds=beat.jitter_s)
    time = choose_run_time(term, wanted_s, start)
    assert not time.late
    assert time.deadline_s >= min(wanted_s, beat.deadline_s(wanted_s)) - 1e-3
    assert start + timedelta(seconds=time.deadline_s + 60) <= due + timedelta(seconds=beat.every_s)


@given(rhythms, st.floats(5, 7200), st.floats(0, 1))
def test_a_run_that_was_caught_up_is_short_enough_or_let_be(beat: Rhythm, wanted_s: float, passed: float) -> None:
    """Started at any moment between two that are due, as after the machine was off."""
    start = T0 + passed * timedelta(seconds=beat.every_s - 1)
    time = choose_run_time(ScheduleTerm(begin=T0, end=None, rhythm=beat, by="systemd-user"), wanted_s, start)
    if not time.late:
        assert start + timedelta(seconds=time.deadline_s + 60) <= T0 + timedelta(seconds=beat.every_s)
        assert time.deadline_s >= beat.deadline_s(wanted_s) / 2


def test_without_a_schedule_a_run_has_the_time_it_wants() -> None:
    assert choose_run_time(None, 900, T0) == RunTime(deadline_s=900, late=False)


@pytest.mark.parametrize("every_min", EVERY_MIN)
@pytest.mark.parametrize("wanted_s", [5.0, 900.0, 7200.0])
def test_watch_gives_its_runs_no_more_time_than_there_is(every_min: int, wanted_s: float) -> None:
    beat, config = make_rhythm(every_min, 0), Settings(run=RunSettings(deadline_s=wanted_s))
    command = make_run_command(config, beat, Path("/r"), None)
    told_s = float(command[command.index("--deadline-s") + 1])
    assert beat.jitter_s + told_s + 60 <= beat.every_s


# ---- whose turn it is

def turns(config: Settings, term: ScheduleTerm | None, hours: int) -> list[int]:
    found = (find_turn(config, term, T0 + hour * HOUR + timedelta(minutes=4)) for hour in range(hours))
    return [turn.number for turn in found if turn]


BY_CRON = ScheduleTerm(begin=T0, end=None, rhythm=make_rhythm(60, 7), by="cron")
OPEN = Settings(vantage=VantageSettings(cc="DE"))


def test_turns_go_on_one_by_one_and_a_missed_run_moves_nothing() -> None:
    numbers = turns(OPEN, BY_CRON, 48)
    assert numbers == list(range(numbers[0], numbers[0] + 48))
    later = find_turn(OPEN, BY_CRON, T0 + 40 * HOUR)
    assert later is not None
    assert later.number == numbers[40], "whatever ran before"
    again = replace(BY_CRON, begin=T0 + 30 * HOUR + timedelta(minutes=20), by="watch")
    assert abs(turns(OPEN, again, 41)[-1] - numbers[40]) <= 1, "a new installation begins no new count"


@pytest.mark.parametrize(("cc", "run", "extended"), [
    ("DE", {}, True), ("RU", {}, False), ("ZZ", {}, False), ("RU", {"rotate": True}, True),
    ("DE", {"rotate": False}, None), ("DE", {"tier": 2}, None), ("DE", {"tier": 0}, None),
    ("RU", {"tier": 3, "rotate": True}, None),
])
def test_who_is_careful_takes_no_turns_with_the_extended_tiers(
    cc: str, run: dict[str, Any], extended: bool | None,
) -> None:
    turn = find_turn(Settings(vantage=VantageSettings(cc=cc), run=RunSettings(**run)), BY_CRON, T0)
    assert (turn.extended if turn else None) is extended


def test_without_a_schedule_nobody_takes_turns() -> None:
    assert find_turn(OPEN, None, T0) is None


@given(rhythms, moments)
def test_the_next_time_is_near_and_at_the_minute(beat: Rhythm, now: datetime) -> None:
    due = beat.next_slot(now)
    assert now < due <= now + timedelta(seconds=beat.every_s)
    assert (due.minute - beat.minute) % min(60, beat.every_min) == 0
    assert beat.next_slot(due) - due == timedelta(seconds=beat.every_s)


def test_an_interval_that_cron_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="45 minutes"):
        make_rhythm(45, 0)


# ---- the crontab

@pytest.mark.parametrize(("every", "minute", "fields"), [
    (15, 7, "7,22,37,52 * * * *"), (30, 59, "29,59 * * * *"), (60, 7, "7 * * * *"), (120, 7, "7 */2 * * *"),
    (720, 0, "0 */12 * * *"), (1440, 9, "9 0 * * *"),
])
def test_the_five_fields(every: int, minute: int, fields: str) -> None:
    assert cron.make_time_fields(make_rhythm(every, minute)) == fields


crontabs = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200).filter(
    lambda text: not cron.has_block(text))


@given(crontabs)
def test_a_persons_lines_come_through_untouched(crontab: str) -> None:
    installed = cron.add_block(crontab, BLOCK)
    assert BLOCK in installed
    assert installed.startswith(crontab)
    again = cron.add_block(installed, BLOCK)
    assert again == installed, "an upgrade in place"
    assert cron.remove_block(installed) in (crontab, crontab + "\n"), "only a missing last line end is added"


@pytest.mark.parametrize("around", [
    ("", ""), (PERSONS, ""), ("", PERSONS), (PERSONS, PERSONS), ("a \x0b\x85\u2028 b\r\n", ""),
])
def test_an_upgrade_keeps_the_place_and_a_removal_the_rest(around: tuple[str, str]) -> None:
    before, after = around
    old = cron.make_block(make_rhythm(120, 3), ("/old/probe", "run"), errors="/e")
    assert cron.add_block(before + old + after, BLOCK) == before + BLOCK + after
    assert cron.remove_block(before + old + after) == before + after
    assert cron.remove_block(before + old + after + old) == before + after, "a block that was pasted twice"


@pytest.mark.parametrize("text", [
    PERSONS + cron.BEGIN + "\n5 * * * * x\n", cron.END + "\n" + PERSONS, cron.BEGIN + "\n" + BLOCK,
    BLOCK + cron.END + "\n",
])
def test_half_a_block_is_left_to_the_person(text: str) -> None:
    assert cron.has_block(text)
    for change in (cron.remove_block, lambda old: cron.add_block(old, BLOCK)):
        with pytest.raises(cron.DamagedBlockError):
            change(text)


@settings(max_examples=20)  # each starts a shell
@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12), min_size=1,
                max_size=4))
def test_a_command_comes_out_of_cron_as_it_went_in(words: list[str]) -> None:
    line = cron.quote_command(words)
    assert "%" not in line.replace(r"\%", "")
    given_to_sh = line.replace(r"\%", "%")  # cron(5): a backslash before a percent sign is taken away
    done = subprocess.run(["sh", "-c", f"printf '%s\\n' {given_to_sh}"], capture_output=True, text=True, check=True)
    assert done.stdout == "".join(f"{word}\n" for word in words)


@pytest.mark.parametrize("tool", ["timeout", "perl"])
def test_crons_line_ends_what_goes_on(tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / tool).symlink_to(shutil.which(tool) or pytest.skip(f"there is no {tool} here"))
    monkeypatch.setenv("PATH", str(tmp_path))
    stuck = (sys.executable, "-c", "import re; re.search('(a|aa)+$', 'a' * 99 + 'b')")
    limited = cron.limit_time(stuck, deadline_s=1 - STOP_GRACE_S, wait_s=0)
    assert subprocess.run(limited, check=False, timeout=60).returncode in (124, -signal.SIGALRM)


def test_a_line_break_in_a_path_is_refused() -> None:
    with pytest.raises(ValueError, match="line break"):
        cron.quote_command(["/a\nb"])
    with pytest.raises(ValueError, match="line break"):
        systemd.make_service(systemd.UnitJob(command=["/bin/true"], deadline_s=1, results="/a\n[Service]"))


# ---- units

def verify(folder: Path, *, user: bool) -> str:
    """What systemd has to say of the units; empty: nothing."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed here")
    scope = ["--user"] if user else []
    done = subprocess.run([program, *scope, "verify", *map(str, sorted(folder.iterdir()))], capture_output=True,
                          text=True, timeout=60, check=False, env={**os.environ, "XDG_RUNTIME_DIR": str(folder.parent)})
    assert done.returncode == 0 or done.stderr
    told = [line for line in done.stderr.splitlines() if systemd.NAME in line]
    return "\n".join(told) if told or done.returncode == 0 else done.stderr


def put(folder: Path, job: systemd.UnitJob, beat: Rhythm) -> None:
    folder.mkdir()
    (folder / systemd.SERVICE).write_text(systemd.make_service(job))
    (folder / systemd.TIMER).write_text(systemd.make_timer(beat))


@pytest.mark.parametrize("kind", ["user", "user-unsealed", "system", "system-packets"])
@pytest.mark.parametrize("results", ["/srv/results", "/srv/it's 100% \"mine\""])
def test_systemd_finds_nothing_wrong(tmp_path: Path, kind: str, results: str) -> None:
    job = systemd.UnitJob(command=["/bin/true", "--results", results, "$HOME"], deadline_s=900, results=results,
                          user="daemon" if kind.startswith("system") else "", packets=kind.endswith("packets"),
                          sealed=not kind.endswith("unsealed"))
    units = tmp_path / "units"
    put(units, job, make_rhythm(60, 7))
    assert verify(units, user=kind.startswith("user")) == ""


def test_systemd_would_find_something_wrong(tmp_path: Path) -> None:
    units = tmp_path / "units"
    put(units, systemd.UnitJob(command=["/absent/program"], deadline_s=900, results="/srv"), make_rhythm(60, 7))
    service = units / systemd.SERVICE
    service.write_text(service.read_text().replace("UMask=0077", "UMask=nonsense"))
    told = verify(units, user=True)
    assert "nonsense" in told
    assert "/absent/program" in told


@pytest.mark.parametrize("every", EVERY_MIN)
def test_the_calendar_means_the_rhythm(every: int) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed here")
    beat = make_rhythm(every, 7)
    done = subprocess.run([program, "calendar", "--base-time=2026-11-25 10:00:00 UTC", "--iterations=3",
                           systemd.make_calendar(beat)], capture_output=True, text=True, timeout=60, check=False,
                          env={"TZ": "UTC", "LC_ALL": "C"})
    assert done.returncode == 0, done.stderr
    shown = [line.split(": ", 1)[1] for line in done.stdout.splitlines() if "UTC" in line and "form" not in line]
    times = [datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC) for text in shown]
    due = beat.next_slot(datetime(2026, 11, 25, 10, tzinfo=UTC))
    assert times == [due + n * timedelta(minutes=every) for n in range(3)]


def test_a_unit_is_shut_in() -> None:
    job = systemd.UnitJob(command=["/bin/true"], deadline_s=900, results="/srv/r", user="me")
    lines = systemd.make_service(job).splitlines()
    assert {"NoNewPrivileges=yes", "PrivateTmp=yes", "ProtectSystem=strict", "CapabilityBoundingSet=",
            "User=me"} <= set(lines)
    assert [line for line in lines if line.startswith("ReadWritePaths")] == ["ReadWritePaths=/srv/r"]
    assert not [line for line in lines if "CAP_NET_RAW" in line]


# ---- the log and what is missing from it

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
