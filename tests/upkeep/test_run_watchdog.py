"""A run that is stuck in C, with the interpreter's lock held: it is ended, and what it had measured is kept."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from probe.core.tables.run_words import CUT_SHORT
from probe.store.layout import UNFINISHED_FOLDER
from probe.store.runs.run_reader import read_run
from probe.store.runs.unfinished_run import UnfinishedRun, read_unfinished
from probe.upkeep.commands.run_lock import hold_run_lock
from probe.upkeep.commands.run_watchdog import store_unfinished
from stored import a_result

RUN = a_result()
PLACES = ("measuring", "judging", "worker")
STUCK = """
import ctypes, sys, threading
from probe.cli import main, run
from probe.session import make_run
from stored import a_result

def stick(*_, keeper=None, **__):
    result, where = a_result(), sys.argv.pop()
    if keeper:
        keeper.begin(result.run)
        keeper.keep(result.observations[:1], ())
        keeper.keep(result.observations[1:], result.controls)
        if where == "judging":
            keeper.end_measuring()
    stuck = ctypes.PyDLL(None).pause  # in C, with the lock, and without the processor, which other tests need
    threading.Thread(target=stuck).start() if where == "worker" else stuck()

make_run.make_run = stick
run.explain_refusal = lambda *_, **__: ""
main.main(["run", "--deadline-s", "5", "--results", sys.argv[1]])
"""


@dataclass(frozen=True)
class StuckRun:
    """A program that is stuck, and where it has results."""

    folder: Path
    program: subprocess.Popen[bytes]


@pytest.fixture(scope="module")
def stuck_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, StuckRun]]:
    """Where it is stuck -> a run; all of them wait at once."""
    runs = {where: start_stuck_run(tmp_path_factory.mktemp(where), where) for where in PLACES}
    yield runs
    for run in runs.values():
        run.program.kill()
        run.program.wait()


def start_stuck_run(home: Path, where: str) -> StuckRun:
    folder = home / "results"
    return StuckRun(folder, subprocess.Popen([sys.executable, "-c", STUCK, str(folder), where], cwd=home,
                                             env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}))


@pytest.mark.parametrize("where", PLACES)
def test_a_stuck_run_is_ended_and_the_next_one_starts(stuck_runs: dict[str, StuckRun], where: str,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    folder = stuck_runs[where].folder
    assert stuck_runs[where].program.wait(90) == 1
    with hold_run_lock(folder):
        store_unfinished(folder, lambda _: None)
    stored = read_run(folder, RUN.run.run_id)
    assert (stored.observations, stored.controls, stored.verdicts) == (RUN.observations, RUN.controls, ())
    assert stored.run.conditions == (CUT_SHORT,)
    assert not (folder / UNFINISHED_FOLDER).exists()
    assert "in stick" in capsys.readouterr().err


def test_a_line_that_was_cut_costs_itself_alone(tmp_path: Path) -> None:
    UnfinishedRun(tmp_path, RUN.run).add(RUN.observations, RUN.controls)
    file = tmp_path / UNFINISHED_FOLDER / "observations.csv"
    file.write_bytes(file.read_bytes()[:-3])
    found = read_unfinished(tmp_path)
    assert found is not None
    assert (found.observations, found.controls) == (RUN.observations[:1], RUN.controls)
