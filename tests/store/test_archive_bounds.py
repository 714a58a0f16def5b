"""Age and quota: what goes, what may not, what is told; and forgetting everything that is ours and nothing else."""

from __future__ import annotations

import errno
import json
import os
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from in_order import in_order
from probe.cli.main import cli
from probe.store.archive import compaction as compact_module
from probe.store.archive.compaction import compact_days
from probe.store.archive.own_files import disk_bytes, list_own_files
from probe.store.archive.private_folder import make_private
from probe.store.archive.retention import StoreLimits, enforce_limits
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import read_runs, stored_runs
from probe.store.runs.run_writer import write_run
from probe.store.schema import TABLES
from probe.upkeep.commands.exit_codes import EXIT_LOCKED
from probe.upkeep.commands.run_lock import hold_run_lock
from probe.upkeep.schedules.schedule_log import ScheduleEvent, append_event
from stored import a_result


def fill(directory: Path, days: int, *, size: int = 10) -> None:
    for day in range(1, days + 1):
        for hour in (1, 2):
            write_run(a_result(f"r-{day:02}-{hour}", f"2017-05-{day:02}T{hour:02}:00:00Z", text="x" * size),
                      directory, parquet=False)


def names(directory: Path) -> list[str]:
    return [run.run_id for run in stored_runs(directory)]


def size_of(directory: Path) -> int:
    return sum(disk_bytes(own.path) for own in list_own_files(directory))


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


# age


def test_no_limit_removes_nothing(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    assert enforce_limits(tmp_path, StoreLimits(), today=date(2030, 1, 1)).runs == ()
    assert len(names(tmp_path)) == 6


@pytest.mark.parametrize("merged", [False, True])
def test_days_past_their_time_go_and_are_written_down(tmp_path: Path, merged: bool) -> None:
    fill(tmp_path, 9)
    if merged:
        compact_days(tmp_path, today=date(2017, 5, 8))
    done = enforce_limits(tmp_path, StoreLimits(keep_days=3), today=date(2017, 5, 9))
    assert names(tmp_path) == [f"r-{day:02}-{hour}" for day in (7, 8, 9) for hour in (1, 2)]
    assert len(done.runs) == 12
    noted = [json.loads(line) for line in (tmp_path / "removed.jsonl").read_text().splitlines()]
    assert [run for line in noted for run in line["runs"]] == list(done.runs)
    assert (tmp_path / "removed.jsonl").stat().st_mode & 0o777 == 0o600
    assert len(list(tmp_path.glob("*/date=*"))) == 5 * 3, "empty days are gone"
    assert enforce_limits(tmp_path, StoreLimits(keep_days=3), today=date(2017, 5, 9)).runs == ()


@pytest.mark.parametrize("quota_mb", range(1, 9))
@pytest.mark.parametrize("tables", [1, len(TABLES) - 1])
def test_what_a_stopped_merge_left_in_two_places_goes_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tables: int, quota_mb: int,
) -> None:
    fill(tmp_path, 4, size=400_000)
    made, merged, merge = set(names(tmp_path)), list[str](), compact_module._merge_day

    def some(directory: Path, table: str, day: str, ready: frozenset[str]) -> int:
        merged.append(table)
        return merge(directory, table, day, ready) if table in list(TABLES)[:tables] else 0

    monkeypatch.setattr(compact_module, "_merge_day", some)
    compact_days(tmp_path, today=date(2017, 5, 5))
    assert merged == list(TABLES) * 3
    gone = enforce_limits(tmp_path, StoreLimits(quota_mb=quota_mb), today=date(2017, 5, 5)).runs
    assert {result.run.run_id for result in read_runs(tmp_path)} == made - set(gone)
    days_left = {run.measurement_start_time[:10] for run in stored_runs(tmp_path)}
    assert {own.day for own in list_own_files(tmp_path)} == days_left


@pytest.mark.parametrize("today", [date(2018, 5, 9), date(2038, 1, 19), date(2016, 1, 1), date(1970, 1, 1)])
def test_a_clock_that_jumps_removes_no_more_than_the_right_one(tmp_path: Path, today: date) -> None:
    fill(tmp_path, 9)
    write_run(a_result("r-now", f"{today}T00:00:00Z"), tmp_path, parquet=False)
    enforce_limits(tmp_path, StoreLimits(keep_days=5), today=today)
    assert len(names(tmp_path)) >= 9, "as on 10 May, the day after the last that is believed"


def test_what_a_crash_left_without_a_runs_file_goes_with_its_day(tmp_path: Path) -> None:
    fill(tmp_path, 9)
    (tmp_path / "runs" / "date=2017-05-01" / "r-01-1.csv").unlink()
    (tmp_path / "verdicts" / "date=2017-05-01" / ".r-x.csv.77.part").write_bytes(b"half")
    enforce_limits(tmp_path, StoreLimits(keep_days=3), today=date(2017, 5, 9))
    assert not list(tmp_path.glob("*/date=2017-05-01"))


# quota


@pytest.mark.parametrize("merged", [False, True])
def test_the_oldest_runs_make_room(tmp_path: Path, merged: bool) -> None:
    fill(tmp_path, 6, size=100_000)
    if merged:
        compact_days(tmp_path, today=date(2017, 5, 6))
    before = names(tmp_path)
    assert size_of(tmp_path) > 2 << 20
    done = enforce_limits(tmp_path, StoreLimits(quota_mb=2), today=date(2017, 5, 6))
    after = names(tmp_path)
    assert size_of(tmp_path) <= 2 << 20
    assert after == before[len(done.runs):]
    assert 3 <= len(after) < 12
    assert done.over_bytes == 0
    list(read_runs(tmp_path))


def test_the_latest_run_stays_whatever_its_size(tmp_path: Path) -> None:
    fill(tmp_path, 1, size=900_000)
    done = enforce_limits(tmp_path, StoreLimits(quota_mb=1), today=date(2017, 5, 1))
    assert names(tmp_path) == ["r-01-2"]
    assert done.over_bytes > 0


@pytest.mark.parametrize("merged", [False, True])
def test_what_is_not_uploaded_stays_and_is_told(tmp_path: Path, merged: bool) -> None:
    fill(tmp_path, 6, size=200_000)
    if merged:
        compact_days(tmp_path, today=date(2017, 5, 6))
    (tmp_path / "not-uploaded.txt").write_text("r-01-1\nr-02-1\n")
    done = enforce_limits(tmp_path, StoreLimits(keep_days=2), today=date(2017, 5, 6))
    assert {"r-01-1", "r-02-1"} <= set(names(tmp_path))
    assert ({"r-01-1", "r-02-1"}, ()) == (set(done.held), done.lost)
    assert "r-03-1" not in names(tmp_path)


@pytest.mark.parametrize("merged", [False, True])
def test_the_quota_takes_what_is_uploaded_first_and_tells_what_is_lost(tmp_path: Path, merged: bool) -> None:
    fill(tmp_path, 6, size=200_000)
    if merged:
        compact_days(tmp_path, today=date(2017, 5, 6))
    waiting = ["r-01-1", "r-02-1", "r-06-1"]
    (tmp_path / "not-uploaded.txt").write_text("".join(f"{name}\n" for name in waiting))
    done = enforce_limits(tmp_path, StoreLimits(quota_mb=3), today=date(2017, 5, 6))
    assert (done.lost, done.over_bytes) == ((), 0), "the others made room enough"
    assert set(waiting) <= set(names(tmp_path))
    done = enforce_limits(tmp_path, StoreLimits(quota_mb=1), today=date(2017, 5, 6))
    assert "r-06-2" in names(tmp_path), "the latest stays"
    assert done.lost
    assert done.lost == tuple(sorted(set(waiting) - set(names(tmp_path)))), "the oldest first"
    noted = [json.loads(line) for line in (tmp_path / "removed.jsonl").read_text().splitlines()]
    assert [run for line in noted for run in line.get("not_uploaded", ())] == list(done.lost)


@pytest.mark.parametrize("text", [b"r-01-1\n../../etc\n", b"\xff\xfe\x00", b"a b\n"])
def test_a_damaged_list_of_what_waits_stops_every_removal(tmp_path: Path, text: bytes) -> None:
    fill(tmp_path, 9)
    (tmp_path / "not-uploaded.txt").write_bytes(text)
    with pytest.raises(StoreError, match="nothing is removed"):
        enforce_limits(tmp_path, StoreLimits(keep_days=1, quota_mb=1), today=date(2017, 5, 9))
    assert len(names(tmp_path)) == 18


@pytest.mark.parametrize("merged", [False, True])
def test_stopped_at_any_removal_the_runs_that_are_left_are_whole(tmp_path: Path, merged: bool) -> None:
    fill(tmp_path / "made", 4)
    if merged:
        compact_days(tmp_path / "made", today=date(2017, 5, 6))
    for stop in range(1, 100):
        directory = tmp_path / str(stop)
        shutil.copytree(tmp_path / "made", directory)
        child = os.fork()
        if not child:
            _end_at_unlink(stop)
            enforce_limits(directory, StoreLimits(keep_days=2), today=date(2017, 5, 4))
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        found = [result.run.run_id for result in read_runs(directory)]
        assert found == names(tmp_path / "made")[-len(found):]
        enforce_limits(directory, StoreLimits(keep_days=2), today=date(2017, 5, 4))
        assert names(directory) == names(tmp_path / "made")[-4:]
        if os.waitstatus_to_exitcode(status) == 0:
            break
    assert stop > 15


def _end_at_unlink(stop: int) -> None:
    """In the child: leave, as if killed, when the n-th file is to be removed."""
    left, unlink = [stop], Path.unlink

    def stopping(path: Path, missing_ok: bool = False) -> None:
        left[0] -= 1
        if not left[0]:
            os._exit(9)
        unlink(path, missing_ok)

    setattr(Path, "unlink", stopping)  # noqa: B010


def test_foreign_files_are_not_removed(tmp_path: Path) -> None:
    fill(tmp_path, 9)
    mine = [tmp_path / "verdicts" / "date=2017-05-01" / name for name in ("holiday.csv", "notes.txt")]
    for path in mine:
        path.write_text("name,town\r\nA,B\r\n")
    (tmp_path / "old").mkdir()
    (tmp_path / "verdicts" / "date=2017-01-01").symlink_to(tmp_path / "old")
    enforce_limits(tmp_path, StoreLimits(keep_days=1, quota_mb=1), today=date(2017, 5, 9))
    assert all(path.exists() for path in mine)
    assert names(tmp_path)[-1] == "r-09-2"


def test_a_full_disk_is_made_room_on_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 9)
    real, calls = os.open, []

    def full_at_first(path: object, *rest: int, **named: int) -> int:
        if str(path).endswith("removed.jsonl"):
            calls.append(len(names(tmp_path)))
            if len(calls) == 1:
                raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", full_at_first)
    enforce_limits(tmp_path, StoreLimits(keep_days=3), today=date(2017, 5, 9))
    assert calls == [18, 6], "written down after the removal, where there was no room before"
    assert len((tmp_path / "removed.jsonl").read_text().splitlines()) == 6


# the commands


@pytest.fixture
def configured(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("probe.config.settings.SEARCH_PATHS", ())
    monkeypatch.setenv("PROBE_CONFIG", "probe.toml")
    monkeypatch.setattr("probe.upkeep.schedules.installed_schedules.list_installed", lambda: ("cron",))
    monkeypatch.setenv("XDG_STATE_HOME", str(in_folder / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(in_folder / "cache"))
    (in_folder / "probe.toml").write_text('[run]\nresults = "results"\n[store]\nkeep_days = 3\n')
    return in_folder


def test_compact_says_what_it_did(configured: Path) -> None:
    fill(configured / "results", 9)
    result = call("compact")
    assert result.exit_code == 0, result.output
    assert in_order(result.output, "90 files", "9 days")
    assert "12 old runs" in result.output
    assert len(names(configured / "results")) == 6
    found = json.loads(call("compact", "results", "--json").output)
    assert (found["days"], found["kept"], found["removed"]) == ([], [], [])


def test_two_merges_at_once_do_no_harm(configured: Path) -> None:
    fill(configured / "results", 2)
    with hold_run_lock(Path("results")):
        result = call("compact")
    assert result.exit_code == EXIT_LOCKED
    assert "nothing" in result.output
    assert len(list(Path("results").glob("runs/*/r-*.csv"))) == 4


@pytest.mark.parametrize(("text", "told"), [
    ("[store]\nkeep_days = -1\n", "keep_days"), ("[store]\nquota_mb = 'x'\n", "quota_mb"),
    ('[run]\nresults = "nowhere"\n', "nowhere: there is no such folder"),
])
def test_mistakes_are_told_without_a_traceback(configured: Path, text: str, told: str) -> None:
    Path("probe.toml").write_text(text)
    for command in (["compact"], ["export"], ["forget", "--yes"])[: 1 if "nowhere" in text else 3]:
        result = call(*command)
        assert (result.exit_code, type(result.exception)) == (1, SystemExit), result.output
        assert told in result.output


def test_an_old_result_goes_after_a_run(configured: Path) -> None:
    from probe.config.settings import load_settings
    from probe.upkeep.commands.results_bounds import tidy_after_run

    now = datetime.now(UTC).date()
    fill(configured / "results", 2)
    write_run(a_result("r-a", f"{now}T00:00:00Z"), configured / "results", parquet=False)
    write_run(a_result("r-b", f"{now.replace(day=1)}T00:00:00Z"), configured / "results", parquet=False)
    (configured / "results").chmod(0o755)
    tidy_after_run(configured / "results", load_settings())
    assert (configured / "results").stat().st_mode & 0o777 == 0o700
    assert "r-a" in names(configured / "results")
    assert "r-01-1" not in names(configured / "results")


# forgetting


def test_forget_removes_all_of_ours_and_nothing_else(configured: Path) -> None:
    results = configured / "results"
    fill(results, 3)
    compact_days(results, today=date(2017, 5, 4))
    write_run(a_result("r-late", "2017-05-03T09:00:00Z"), results, parquet=None)
    assert call("report", "results", "--datapackage").exit_code == 0
    (results / ".compact" / "verdicts" / "date=2017-05-03").mkdir(parents=True)
    (results / ".compact" / "verdicts" / "date=2017-05-03" / "r-left.csv").write_text("run_id,x\r\n")
    append_event(results, ScheduleEvent(at=datetime.now(UTC), kind="started"))
    (configured / "state" / "probe").mkdir(parents=True)
    (configured / "state" / "probe" / "last-errors.txt").write_text("")
    (configured / "state" / "probe" / "identity.key").write_bytes(b"k" * 32)
    mine = [results / "diary.txt", results / "services" / "date=2017-05-01" / "diary.csv",
            results / "runs" / "x" / "r.csv",
            configured / "state" / "probe" / "other", configured / "probe.toml"]
    for path in mine[:-1]:
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("mine")
    elsewhere = configured / "elsewhere"
    fill(elsewhere, 1)
    (results / "packets").symlink_to(elsewhere / "runs")
    before = {path for path in elsewhere.rglob("*") if path.is_file()}
    asked = CliRunner().invoke(cli, ["forget"], input="n\n")
    assert asked.exit_code == 1
    assert "Nothing was deleted" in asked.output
    assert len(names(results)) == 7
    result = call("forget", "--yes")
    assert result.exit_code == 0, result.output
    assert "identity.key" in result.output
    left = {path for path in results.rglob("*") if path.is_file() and not path.is_symlink()}
    assert left == {path for path in mine if results in path.parents}
    assert all(path.exists() for path in mine)
    assert not (configured / "state" / "probe" / "identity.key").exists()
    assert before == {path for path in elsewhere.rglob("*") if path.is_file()}
    assert not (results / "schedule").exists()
    assert "diary.txt" in result.output
    assert "still scheduled (cron)" in result.output
    assert "nothing" in call("forget", "--yes").output


def test_forget_leaves_no_folder_where_all_was_ours(configured: Path) -> None:
    fill(configured / "results", 2)
    assert call("forget", "--yes").exit_code == 0
    assert not (configured / "results").exists()


def test_forget_waits_for_nobody(configured: Path) -> None:
    fill(configured / "results", 2)
    with hold_run_lock(Path("results")):
        result = call("forget", "--yes")
    assert result.exit_code == EXIT_LOCKED
    assert len(names(configured / "results")) == 4


# who may look


def test_a_folder_of_results_is_closed_to_others(tmp_path: Path) -> None:
    for name in ("empty", "full", "shared"):
        (tmp_path / name).mkdir(mode=0o755)
        (tmp_path / name).chmod(0o755)
    fill(tmp_path / "full", 1)
    (tmp_path / "full" / "README.md").write_text("as in a checkout")
    (tmp_path / "shared" / "thesis.tex").write_text("")
    closed = [make_private(tmp_path / name) for name in ("empty", "full", "shared", "absent")]
    assert closed == [True, True, False, False]
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("empty", "full", "shared")]
    assert modes == [0o700, 0o700, 0o755]
    (tmp_path / "empty").chmod(0o1777)
    assert not make_private(tmp_path / "empty"), "as /tmp is"


def test_every_file_of_ours_is_private(configured: Path) -> None:
    old = os.umask(0)
    try:
        results = configured / "results"
        fill(results, 3)
        (results / "not-uploaded.txt").touch(0o600)
        assert call("compact").exit_code == 0
        assert call("report", "results", "--datapackage").exit_code == 0
        assert call("export", "-o", "results-out/x.csv").exit_code == 0
    finally:
        os.umask(old)
    found = [*results.rglob("*"), results, *Path("results-out").rglob("*"), Path("results-out")]
    assert {path.stat().st_mode & 0o777 for path in found if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in found if path.is_file()} == {0o600}
