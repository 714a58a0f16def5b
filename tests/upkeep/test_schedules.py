"""When runs are due, what stands in a crontab and in units, and which runs are missing: pure functions."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.cli.watch import make_run_command
from probe.config.settings import RunSettings, Settings, VantageSettings
from probe.upkeep.schedules import cron, systemd
from probe.upkeep.schedules.missing_runs import ScheduleTerm
from probe.upkeep.schedules.rhythm import EVERY_MIN, STOP_GRACE_S, Rhythm, make_rhythm
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
