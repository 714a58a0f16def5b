"""Runs that are ended from outside at any moment: whatever they had handed on is stored as a partial run."""

from __future__ import annotations

import os
import random
import resource
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from probe.core.tables.run_words import CUT_SHORT
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import read_run
from probe.upkeep.commands.run_lock import hold_run_lock
from probe.upkeep.commands.run_watchdog import store_unfinished, watch_run
from stored import a_result

RUN = a_result()
TURNS = 40
FEW, ALL = 4, 50
TRIALS = [FEW, pytest.param(ALL, marks=[pytest.mark.slow, pytest.mark.long])]


def measure(folder: Path, tell: int, *, room: int = 0) -> None:
    """As a run does in its own process: hand on what each turn brings, and then say so. With `room` no file may grow
    beyond so many bytes, as on a full disk."""
    if room:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    with hold_run_lock(folder), watch_run(folder, for_s=60) as keeper:
        keeper.begin(RUN.run)
        for turn in range(TURNS):
            keeper.keep([replace(RUN.observations[0], sequence=turn)], ())
            os.write(tell, b".")
        os.close(tell)
        signal.pause()


def end_at(folder: Path, turn: int, how: int, *, room: int = 0) -> int:
    """End such a run after a turn; returns how many turns it had told of."""
    hear, tell = os.pipe()
    child = os.fork()
    if not child:
        try:
            measure(folder, tell, room=room)
        finally:
            os._exit(1)
    os.close(tell)
    told = 0
    while told < turn and (got := os.read(hear, 1)):
        told += len(got)
    os.kill(child, how)
    os.waitpid(child, 0)
    while got := os.read(hear, 4096):
        told += len(got)
    os.close(hear)
    return told


@pytest.mark.parametrize("trials", TRIALS)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda how: how.name)
def test_all_that_was_handed_on_is_stored_as_a_partial_run(tmp_path: Path, how: signal.Signals, trials: int) -> None:
    rng = random.Random(os.environ["PROBE_TEST_SEED"])
    for trial in range(trials):
        folder = tmp_path / str(trial)
        told = end_at(folder, rng.randint(1, TURNS), how)
        with hold_run_lock(folder):
            store_unfinished(folder, lambda _: None)
        stored = read_run(folder, RUN.run.run_id)
        assert len(stored.observations) >= told
        assert [o.sequence for o in stored.observations] == list(range(len(stored.observations)))
        assert stored.run.conditions == (CUT_SHORT,)
        assert stored.verdicts == ()


def test_what_cannot_be_stored_stays(tmp_path: Path) -> None:
    end_at(tmp_path, TURNS, signal.SIGKILL)
    hindrance = tmp_path / "observations"
    hindrance.write_text("a file where a folder is needed")
    with hold_run_lock(tmp_path):
        with pytest.raises(StoreError, match="observations"):
            store_unfinished(tmp_path, lambda _: None)
        hindrance.unlink()
        for _ in range(2):
            store_unfinished(tmp_path, lambda _: None)
    assert len(read_run(tmp_path, RUN.run.run_id).observations) == TURNS


@pytest.mark.parametrize("trials", TRIALS)
def test_what_a_full_disk_took_is_stored_as_a_partial_run(tmp_path: Path, trials: int) -> None:
    rng = random.Random(os.environ["PROBE_TEST_SEED"])
    for trial in range(trials):
        folder = tmp_path / str(trial)
        end_at(folder, TURNS, signal.SIGKILL, room=rng.randint(6_000, 20_000))
        file = folder / ".unfinished" / "observations.csv"
        whole = file.read_bytes().count(b"\r\n") - 1 if file.exists() else 0
        with hold_run_lock(folder):
            store_unfinished(folder, lambda _: None)
        if whole > 0:
            stored = read_run(folder, RUN.run.run_id)
            assert [o.sequence for o in stored.observations] == list(range(whole))
            assert stored.run.conditions == (CUT_SHORT,)
