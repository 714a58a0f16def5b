"""Some weeks of the year of `make soak`, some of its kills and real runs, and that it would find what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from probe.core.runs import RunResult
from probe.store.files.atomic import StoreError, check_writable
from probe.store.runs.run_writer import write_run
from soaking.disk import PretendedDisk
from soaking.killed import AfterTime, AtCall, calls_of, run_and_kill
from soaking.ledger import Ledger, Tally, tally
from soaking.table import MAX_GROWTH_KIB, check, table
from soaking.year import in_child, vars_of
from stored import a_result

TIMEOUT_S = 280


def soaked(root: Path, seed: int, part: str, count: int) -> dict[str, Any]:
    """The figures of one part, none of them wrong."""
    command = [sys.executable, "tools/soak.py", "--only", part, "--count", str(count), "--seed", str(seed), "--json"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.stdout, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert (told["wrong"], done.returncode) == ({part: []}, 0), done.stderr[-3000:]
    figures: dict[str, Any] = told["figures"][part]
    return figures


@pytest.mark.slow
@pytest.mark.long
def test_half_a_month_of_a_bad_machine_loses_nothing(root: Path, seed: int) -> None:
    figures = soaked(root, seed, "year", 400)
    assert figures["end"]["runs"] > 80
    assert figures["end"]["rows_found"] > 800
    assert len(figures["counts"]) >= 6, "most of what can happen did"
    assert figures["counts"]["clock jumps"] == 3


@pytest.mark.slow
def test_fifty_kills_lose_and_double_nothing(root: Path, seed: int) -> None:
    figures = soaked(root, seed, "kills", 50)
    assert figures["killed"] == 50
    assert figures["end"]["runs"] >= 50


@pytest.mark.slow
@pytest.mark.lab
def test_real_runs_that_are_killed_lose_nothing(root: Path, seed: int) -> None:
    figures = soaked(root, seed, "lab", 6)
    assert figures["end"]["runs"] >= 3


# ---- it would find what is wrong


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, Ledger]:
    """Two runs that ended well, and what they said."""
    ledger = Ledger(tmp_path / "ledger")
    for run_id in ("r-1", "r-2"):
        result = a_result(run_id)
        ledger.measured(result)
        write_run(result, tmp_path / "results", parquet=False)
        ledger.finished(run_id)
    return tmp_path / "results", ledger


def of_day(results: Path, table_: str, run_id: str) -> Path:
    return results / table_ / "date=2017-05-04" / f"{run_id}.csv"


def test_two_whole_runs_are_whole(kept: tuple[Path, Ledger]) -> None:
    done = tally(*kept)
    assert (done.runs, done.rows_found, done.rows_expected, done.wrong) == (2, 12, 12, [])


def double(results: Path) -> None:
    path = of_day(results, "verdicts", "r-1")
    path.with_name("other.csv").write_bytes(path.read_bytes())


def tear(results: Path) -> None:
    path = of_day(results, "observations", "r-1")
    path.write_bytes(path.read_bytes()[:-9])


def change(results: Path) -> None:
    path = of_day(results, "services", "r-2")
    path.write_bytes(path.read_bytes().replace(b",ok,", b",down,"))


def leave(results: Path) -> None:
    (results / "..writable.77.part").touch()


@pytest.mark.parametrize(("harm", "what"), [
    (lambda results: of_day(results, "runs", "r-1").unlink(), "rows_lost"),
    (lambda results: of_day(results, "verdicts", "r-1").unlink(), "rows_lost"),
    (double, "rows_doubled"), (tear, "torn"), (change, "torn"), (leave, "temporary"),
])
def test_harm_is_found(kept: tuple[Path, Ledger], harm: Callable[[Path], None], what: str) -> None:
    harm(kept[0])
    done = tally(*kept)
    assert getattr(done, what) > 0
    assert done.wrong


def test_a_run_that_was_killed_before_it_could_say_so_is_no_surplus(kept: tuple[Path, Ledger]) -> None:
    results, ledger = kept
    killed: RunResult = replace(a_result("r-3"), services=())
    ledger.measured(killed)
    write_run(killed, results, parquet=False)
    done = tally(results, ledger)
    assert (done.runs, done.rows_found, done.rows_expected, done.wrong) == (3, 17, 17, [])


WELL: dict[str, Any] = {
    "end": vars_of(Tally(runs=2, rows_expected=5, rows_found=5)), "wrong": [], "lock_free": True,
    "memory_kib": [1, 2, 3, 4], "disk": "tmpfs", "most_disk_bytes": 1, "quota_bytes": 2, "counts": {"killed": 3},
    "hours": 9,
}


@pytest.mark.parametrize("changes", [
    {"lock_free": False}, {"most_disk_bytes": 3}, {"memory_kib": [1, 2, 3, 3 + MAX_GROWTH_KIB]}, {"wrong": ["x"]},
    {"end": vars_of(Tally(runs=2, rows_expected=5, rows_found=4))}, {"end": vars_of(Tally())},
    {"halfway": vars_of(Tally(runs=1, rows_lost=1))},
])
def test_a_figure_that_is_wrong_is_told(changes: dict[str, Any]) -> None:
    assert not check("year", WELL)
    assert check("year", WELL | changes)


def test_the_table_has_a_column_a_part_and_says_what_was_left_out() -> None:
    lines = table({"year": WELL, "lab": {"left_out": "no namespaces"}})
    assert lines[0].split() == ["year"]
    assert "kills" in lines[3]
    assert lines[3].split()[-1] == "3"
    assert any("no namespaces" in line for line in lines)


# ---- its tools


def test_a_disk_that_is_pretended_fails_as_a_real_one(tmp_path: Path) -> None:
    def tried() -> list[str]:
        disk, said = PretendedDisk(tmp_path), []
        happenings: tuple[Callable[[], None], ...] = (
            lambda: disk.fill(leave=0), lambda: disk.fill(leave=1 << 20), disk.drain, lambda: disk.read_only(True),
            lambda: disk.read_only(False),
        )
        for happen in happenings:
            happen()
            try:
                check_writable(tmp_path)
                said.append("")
            except StoreError as error:
                said.append(str(error))
        return said

    full, low, drained, stuck, well = in_child(tried)
    assert "disk is full" in full
    assert "16 MiB" in low
    assert "read-only" in stuck
    assert (drained, well) == ("", "")


def test_a_child_is_killed_at_the_call_that_was_named(tmp_path: Path) -> None:
    def work() -> None:
        for name in "abc":
            os.mkdir(tmp_path / name)

    assert calls_of(work) == 3
    for path in tmp_path.iterdir():
        path.rmdir()
    assert not run_and_kill(work, AtCall(2))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    (tmp_path / "a").rmdir()
    assert not run_and_kill(work, AtCall(2, after=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    assert run_and_kill(lambda: None, AtCall(1))
    assert not run_and_kill(never_ends, AfterTime(0.01))


def never_ends() -> None:
    while True:
        os.sched_yield()
