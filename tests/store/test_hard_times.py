"""What a bad small machine does to files, the lock, the log and the probe's name, and how they come through."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from probe.cli import run as run_module
from probe.cli.watch import _Watched
from probe.instruments.device.vantage import make_probe_id
from probe.store.archive.own_files import REMOVED_FILE
from probe.store.archive.retention import StoreLimits, enforce_limits
from probe.store.files import atomic
from probe.store.files.atomic import StoreError, append_lines, check_writable
from probe.store.runs.run_reader import read_runs, stored_runs
from probe.store.runs.run_writer import write_run
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_LOCKED
from probe.upkeep.commands.run_lock import LockedError, hold_run_lock, read_held_since
from probe.upkeep.schedules.missing_runs import find_gaps
from probe.upkeep.schedules.schedule_log import ScheduleEvent, append_event, get_now, read_events
from soaking.killed import AtCall, run_and_kill
from soaking.machine import Machine, crashed, one_catalogue
from soaking.recorded import Network, recorded
from stored import a_result

T0 = datetime(2017, 5, 4, 6, 12, tzinfo=UTC)
OLD_S = 7200.0


def full(*_: object, **__: object) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def aged(path: Path, age_s: float) -> Path:
    path.write_bytes(b"half")
    os.utime(path, (time.time() - age_s,) * 2)
    return path


# ---- files


def test_the_check_of_the_folder_bears_another_at_the_same_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    def write_and_lose(path: Path, content: bytes) -> None:
        path.write_bytes(content)
        path.unlink()

    monkeypatch.setattr(atomic, "write_file", write_and_lose)
    check_writable(tmp_path)


def test_what_a_killed_check_left_goes_with_the_next(tmp_path: Path) -> None:
    old, young = aged(tmp_path / "..writable.1.part", OLD_S), aged(tmp_path / "..writable.2.part", 0)
    from_the_future = aged(tmp_path / "..writable.3.part", -OLD_S)
    check_writable(tmp_path)
    assert [p.exists() for p in (old, young, from_the_future)] == [False, True, False]


def test_what_a_killed_run_left_goes_also_where_its_clock_was_wrong(tmp_path: Path) -> None:
    """Its day is none of the last two; captured packets and Parquet files are looked after as well."""
    days = [f"2017-05-{day:02}" for day in (1, 2, 3, 4)]
    for number, day in enumerate(days):
        write_run(a_result(f"r-{number}", f"{day}T00:00:00Z"), tmp_path, parquet=False)
    left = [aged(tmp_path / "verdicts" / "date=2017-05-01" / ".r-9.csv.1.part", OLD_S)]
    for place in ("packets", "parquet/runs"):
        (tmp_path / place / "date=2017-05-04").mkdir(parents=True)
        left.append(aged(tmp_path / place / "date=2017-05-04" / ".r-9.x.1.part", OLD_S))
    write_run(a_result("r-5", "2017-05-01T09:00:00Z"), tmp_path, parquet=False)
    assert not [path for path in left if path.exists()]


def test_a_line_that_the_full_disk_cut_off_is_told_and_spoils_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    write = os.write
    append_event(tmp_path, ScheduleEvent(at=T0, kind="started"))
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:7]))
    with pytest.raises(StoreError, match="disk is full"):
        append_event(tmp_path, ScheduleEvent(at=T0, kind="ended"))
    monkeypatch.undo()
    append_event(tmp_path, ScheduleEvent(at=T0, kind="failed"))
    assert [event.kind for event in read_events(tmp_path, since=T0)] == ["started", "failed"]


def test_what_was_removed_stays_readable_after_a_full_disk(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        write_run(a_result(f"r-{day}", f"2017-05-0{day}T00:00:00Z"), tmp_path, parquet=False)
    append_lines(tmp_path / REMOVED_FILE, b'{"time": "2017-0')
    enforce_limits(tmp_path, StoreLimits(keep_days=1), today=date(2017, 5, 3))
    assert b'\n{"time":' in (tmp_path / REMOVED_FILE).read_bytes()


def test_the_run_just_made_stays_though_its_clock_was_set_back(tmp_path: Path) -> None:
    long = "x" * 900_000
    for run_id, day in (("r-b", "2017-05-04"), ("r-c", "2017-05-05"), ("r-now", "1970-01-01")):
        write_run(a_result(run_id, f"{day}T00:00:00Z", text=long), tmp_path, parquet=False)
    done = enforce_limits(tmp_path, StoreLimits(quota_mb=3), today=date(1970, 1, 1), latest="r-now")
    assert done.runs == ("r-b",)
    assert {run.run_id for run in stored_runs(tmp_path)} == {"r-now", "r-c"}


# ---- the lock


def test_who_only_looks_keeps_no_run_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`probe status` holds the lock for a moment to find out whether anybody does."""
    with hold_run_lock(tmp_path):
        pass
    looking = os.open(tmp_path / ".lock", os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr(time, "sleep", lambda s: fcntl.flock(looking, fcntl.LOCK_UN) if s else None)
    with hold_run_lock(tmp_path):
        assert read_held_since(tmp_path)
    os.close(looking)


def test_a_lock_file_deleted_while_it_is_taken_guards_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flock, left = fcntl.flock, [1]

    def deleted_meanwhile(handle: int, how: int) -> None:
        if left.pop() if left else 0:
            (tmp_path / ".lock").unlink()
        flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", deleted_meanwhile)
    with hold_run_lock(tmp_path):
        assert read_held_since(tmp_path), "the lock that others see is held"
        with pytest.raises(LockedError), hold_run_lock(tmp_path):
            pass


def test_a_lock_on_a_full_disk_holds_and_ends_in_peace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", full)
    with hold_run_lock(tmp_path):
        assert read_held_since(tmp_path) == ""
    assert read_held_since(tmp_path) is None


# ---- the name


def test_a_key_that_cannot_be_read_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = make_probe_id("2017-05", folder=tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr("probe.config.month_key.open_own",
                       lambda path: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
        assert make_probe_id("2017-05", folder=tmp_path) == ""
    assert make_probe_id("2017-05", folder=tmp_path) == name


def test_without_room_for_a_key_there_is_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new one each time would count as so many volunteers."""
    monkeypatch.setattr(os, "fsync", full)
    assert make_probe_id("2017-05", folder=tmp_path) == ""
    assert not (tmp_path / "identity.key").exists()
    monkeypatch.undo()
    assert len(make_probe_id("2017-05", folder=tmp_path)) == 16
    assert [path.name for path in tmp_path.iterdir()] == ["identity.key"]


def test_of_two_keys_made_at_once_both_runs_take_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link, other = os.link, os.urandom(32)

    def beaten(made: Path, file: Path) -> None:
        file.write_bytes(other)
        link(made, file)

    monkeypatch.setattr(os, "link", beaten)
    name = make_probe_id("2017-05", folder=tmp_path)
    assert (tmp_path / "identity.key").read_bytes() == other
    assert make_probe_id("2017-05", folder=tmp_path) == name


def test_where_files_have_one_name_only_the_key_is_kept_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "link", full)
    name = make_probe_id("2017-05", folder=tmp_path)
    assert name
    assert name == make_probe_id("2017-05", folder=tmp_path)


def test_killed_at_any_step_there_is_a_whole_key_or_none(tmp_path: Path) -> None:
    for step in range(1, 40):
        home = tmp_path / str(step)
        done = run_and_kill(lambda home=home: make_probe_id("2017-05", folder=home), AtCall(step))  # type: ignore[misc]
        key = home / "identity.key"
        assert not key.exists() or len(key.read_bytes()) == 32
        assert make_probe_id("2017-05", folder=home)
        assert os.listdir(home) == ["identity.key"]
        if done:
            break
    assert done
    assert step > 4


# ---- the whole command


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(home=tmp_path / "home", results=tmp_path / "results")
    made.configure()
    with ExitStack() as stack:
        stack.enter_context(recorded(Network()))
        stack.enter_context(one_catalogue())
        yield made


def test_a_damaged_day_costs_no_new_run(machine: Machine) -> None:
    day = machine.results / "runs" / "date=2017-05-04"
    day.mkdir(parents=True)
    (day / "day@0123456789ab.csv").write_bytes(b"run_id,\r\n")
    (day / "day@0123456789ab.runs").write_bytes(b"\xff\x00")
    result = machine.run()
    assert (result.exit_code, crashed(result)) == (0, "")
    assert len(list(machine.results.glob("runs/date=2*/2*.csv"))) == 1


def test_what_is_past_the_limits_makes_room_for_a_run(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk a person lowers the quota: the next run has to keep to it before it gives up."""
    long = "x" * 900_000
    for day in (1, 2, 3):
        write_run(a_result(f"r-{day}", f"2017-05-0{day}T00:00:00Z", text=long), machine.results, parquet=False)
    machine.configure(quota_mb=1)
    check = check_writable

    def crowded(folder: Path) -> None:
        if len(list(stored_runs(folder))) > 1:
            raise StoreError("less than 16 MiB are free")
        check(folder)

    monkeypatch.setattr(run_module, "check_writable", crowded)
    result = machine.run()
    assert (result.exit_code, crashed(result)) == (0, "")
    assert len(list(read_runs(machine.results))) == 1, "the new run; with it the last old one is too much"


def test_an_outage_is_written_down_though_the_first_run_after_it_was_refused(machine: Machine) -> None:
    begun = get_now() - timedelta(hours=6, minutes=30)
    append_event(machine.results,
                 ScheduleEvent(at=begun, kind="installed", by="cron", every_min=60, minute=begun.minute,
                                                first=begun))
    append_event(machine.results, ScheduleEvent(at=begun, kind="started"))
    append_event(machine.results, ScheduleEvent(at=begun + timedelta(minutes=5), kind="ended"))
    append_event(machine.results, ScheduleEvent(at=begun + timedelta(hours=4), kind="refused"))
    append_event(machine.results, ScheduleEvent(at=begun + timedelta(hours=5), kind="failed"))
    assert machine.run().exit_code == 0
    noted = [event for event in read_events(machine.results, since=begun) if event.kind == "gap"]
    assert [(event.first, event.n, event.why) for event in noted] == [(begun + timedelta(hours=1), 3, "not_started")]


def test_a_run_that_was_broken_off_is_not_taken_for_the_one_that_failed_after_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = get_now() - timedelta(hours=1, minutes=30)
    append_event(machine.results,
                 ScheduleEvent(at=begun, kind="installed", by="cron", every_min=60, minute=begun.minute,
                                                first=begun))
    append_event(machine.results, ScheduleEvent(at=begun, kind="started"))
    monkeypatch.setattr(run_module, "check_writable", lambda folder: (_ for _ in ()).throw(StoreError("full")))
    assert machine.run().exit_code == EXIT_FAILED
    monkeypatch.undo()
    events = read_events(machine.results, since=begun)
    found = find_gaps(events, since=begun, until=get_now() + timedelta(minutes=40))
    assert [gap.why for gap in found] == ["broken_off", "failed"]


def test_a_second_run_on_a_full_disk_is_still_an_overlap(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "check_writable", lambda folder: (_ for _ in ()).throw(StoreError("full")))
    with hold_run_lock(machine.results):
        assert machine.run().exit_code == EXIT_LOCKED
    assert machine.run().exit_code == EXIT_FAILED


# ---- the clock of `probe watch`


@pytest.mark.parametrize("jump", [timedelta(days=-365), timedelta(days=31), timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_is_set_is_noticed_once(jump: timedelta) -> None:
    watched, now = _Watched(), datetime(2017, 3, 26, 1, 59)
    assert not watched.jump(now, 5.0)
    assert not watched.jump(now + timedelta(seconds=5), 10.0)
    assert watched.jump(now + timedelta(seconds=10) + jump, 15.0) == jump
    assert not watched.jump(now + timedelta(seconds=15) + jump, 20.0)


def test_a_machine_that_slept_is_no_jump_and_a_drift_is_one_in_the_end() -> None:
    watched, now = _Watched(), datetime(2017, 3, 26)
    watched.jump(now, 0.0)
    assert not watched.jump(now + timedelta(hours=9), 9 * 3600.0)
    jumps = [watched.jump(now + timedelta(hours=9 + n, seconds=20 * n), (9 + n) * 3600.0) for n in (1, 2, 3, 4)]
    assert [bool(jump) for jump in jumps] == [False, False, True, False]
