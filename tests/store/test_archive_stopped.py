"""A merge that is stopped anywhere: every finished run is there once, for our reader and for a glob."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from archive_days import ROWS, TODAY, check, fill, rows_by_glob
from probe.store.archive import compaction as compact_module
from probe.store.archive.compaction import compact_days
from probe.store.archive.folder_swap import swap_folders
from probe.store.archive.own_files import list_own_files
from probe.store.runs.run_reader import read_runs, stored_runs
from probe.store.schema import TABLES
from project_root import ROOT
from stored import a_result


@pytest.mark.slow
@pytest.mark.parametrize("parquet", [False, True])
def test_stopped_between_any_two_steps_nothing_is_lost_or_doubled(tmp_path: Path, parquet: bool) -> None:
    """The process ends (as by SIGKILL: nothing is cleaned) at the n-th file operation, for every n."""
    if parquet:
        pytest.importorskip("pyarrow")
    fill(tmp_path / "made", "ab", parquet=parquet)
    compact_days(tmp_path / "made", today=TODAY)
    fill(tmp_path / "made", "cd", parquet=parquet)
    stops, step = 0, 11 if parquet else 1
    for stop in range(1, 1000, step):
        directory = tmp_path / str(stop)
        shutil.copytree(tmp_path / "made", directory)
        child = os.fork()
        if not child:
            _end_at(stop)
            compact_days(directory, today=TODAY)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        check(directory, "abcd")
        compact_days(directory, today=TODAY)
        check(directory, "abcd")
        assert not [own for own in list_own_files(directory) if own.temporary or ".compact" in own.path.parts]
        assert len(list(directory.glob("*/date=*/*.csv"))) == len(TABLES)
        if os.waitstatus_to_exitcode(status) == 0:
            break
        stops += 1
    assert stops * step > 60


def _end_at(stop: int) -> None:
    """In the child: leave at the n-th call that changes a folder or makes it last."""
    left = [stop]

    def counted(function: object) -> object:
        def call(*arguments: object, **named: object) -> object:
            left[0] -= 1
            if not left[0]:
                os._exit(9)
            return function(*arguments, **named)  # type: ignore[operator]

        return call

    for name in ("replace", "link", "fsync", "unlink", "rename", "rmdir", "mkdir"):
        setattr(os, name, counted(getattr(os, name)))
    vars(compact_module)["exchange"] = counted(swap_folders)
    for name in ("unlink", "rename", "rmdir", "mkdir"):
        setattr(Path, name, counted(getattr(Path, name)))


def test_a_run_that_comes_at_the_very_moment_of_the_swap_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As from a machine that shares the folder and does not see the lock."""
    fill(tmp_path, "ab")
    late = iter("cdefg")

    def swap(aside: Path, live: Path) -> None:
        fill(tmp_path, next(late))
        swap_folders(aside, live)

    monkeypatch.setattr(compact_module, "swap_folders", swap)
    compact_days(tmp_path, today=TODAY)
    check(tmp_path, "abcdefg")
    monkeypatch.undo()
    compact_days(tmp_path, today=TODAY)
    check(tmp_path, "abcdefg")


LOOP = """
import os, sys
from datetime import date, timedelta
from pathlib import Path
sys.path.insert(0, "tests/helpers")
from stored import a_result
from probe.store.archive.compaction import compact_days
from probe.store.files.atomic import remove_stale
from probe.store.runs.run_writer import write_run
directory, log, start = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
with log.open("a") as told:
    for number in range(start, start + 1_000):
        day = date(2017, 5, 1) + timedelta(days=number // 6)
        write_run(a_result(f"r-{number:05}", f"{day}T{number % 6:02}:00:00Z"), directory, parquet=False)
        told.write(f"{number}\\n")
        told.flush()
        if number % 4 == 3:
            compact_days(directory, today=day + timedelta(days=number % 3))
"""


@pytest.mark.slow
def test_killed_at_random_moments_again_and_again(tmp_path: Path) -> None:
    """Some seconds of a process that writes and merges, killed 12 times; the seed is told when this fails."""
    seed = int(os.environ.get("PROBE_TEST_SEED", "0"))
    print(f"PROBE_TEST_SEED={seed}")
    chance = random.Random(seed)
    directory, log = tmp_path / "results", tmp_path / "log"
    log.touch()
    for round_ in range(12):
        told = len(log.read_text().split())
        command = [sys.executable, "-c", LOOP, str(directory), str(log), str(round_ * 1_000)]
        with subprocess.Popen(command, cwd=ROOT) as child:
            while len(log.read_text().split()) == told and child.poll() is None:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.4))
            assert child.poll() is None, "the child failed by itself"
            child.send_signal(signal.SIGKILL)
        finished = {f"r-{int(number):05}" for number in log.read_text().split()}
        found = [run.run_id for run in stored_runs(directory)]
        assert len(found) == len(set(found))
        assert finished <= set(found)
        assert len(set(found) - finished) <= round_ + 1, "one run a round may have been finished and not yet told"
        for table, rows in ROWS.items():
            seen = rows_by_glob(directory, table)
            assert {run_id: seen[run_id] for run_id in found} == dict.fromkeys(found, rows)
    compact_days(directory, today=date(2030, 1, 1))
    for result in read_runs(directory):
        assert result == a_result(result.run.run_id, result.run.measurement_start_time)
    assert len(list(read_runs(directory))) == len(set(found))
    assert not [own for own in list_own_files(directory) if ".compact" in own.path.parts]
