"""What many probes say together is the same from a process beside the counting, and errors come from there too."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import pytest

from population_days import NOW, list_runs, make_volunteers
from probe.store.files.atomic import StoreError
from probe.store.runs.run_writer import write_run
from probe_analysis.cells.file_names import DAYS_FOLDER, EVENTS_FILE, POPULATION_FILE, POPULATION_TEXT, SLOWED_FILE
from probe_analysis.population.opened_hours import HourWishes
from probe_analysis.slowed import judged_together
from probe_analysis.slowed.judged_together import JudgedTogether, judge_together, judging_beside

WISHES = HourWishes(now=NOW, lab=False, memory_mb=800, threads=2)


def add_runs(results: Path, begin: int, end: int) -> None:
    for run in list_runs(make_volunteers(3, lambda hour: hour >= 0), begin=begin, end=end):
        write_run(run, results, known_new=True)


@pytest.fixture
def goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with results, and with what was analysed before the newest of them came."""
    monkeypatch.setattr(judged_together, "_LEAST_NEW_BYTES", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    (tmp_path / "out").mkdir()
    add_runs(tmp_path / "results", -12, 24)
    judge_together(tmp_path / "results", tmp_path / "out", WISHES)
    add_runs(tmp_path / "results", 24, 40)
    return tmp_path


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> list[ProcessPoolExecutor]:
    """The processes that are begun."""
    begun: list[ProcessPoolExecutor] = []

    def begin(max_workers: int, **more: object) -> ProcessPoolExecutor:
        begun.append(ProcessPoolExecutor(max_workers, **more))  # type: ignore[call-overload]
        return begun[-1]

    monkeypatch.setattr(judged_together, "ProcessPoolExecutor", begin)
    return begun


def told(results: Path, out: Path, wishes: HourWishes = WISHES) -> tuple[JudgedTogether, list[bytes]]:
    with judging_beside(results, out, wishes) as judging:
        found = judging.wait()
        assert judging.wait() is found
    return found, [(out / name).read_bytes() for name in (POPULATION_FILE, POPULATION_TEXT, SLOWED_FILE)]


def test_a_process_beside_says_the_same(goes_on: Path, pools: list[ProcessPoolExecutor]) -> None:
    beside = told(goes_on / "results", goes_on / "out")
    assert told(goes_on / "results", goes_on / "anew") == beside  # from nothing
    assert len(pools) == 2
    (goes_on / "alone").mkdir()
    assert told(goes_on / "results", goes_on / "alone", replace(WISHES, threads=1)) == beside
    assert len(pools) == 2
    assert beside[0].population.rows


def test_a_process_that_is_ended_is_done_without(goes_on: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []

    def end(self: ProcessPoolExecutor, *asked: object) -> object:
        begun.append(submit(self, os._exit, 9))
        return begun[-1]

    submit = ProcessPoolExecutor.submit
    monkeypatch.setattr(ProcessPoolExecutor, "submit", end)
    found, _ = told(goes_on / "results", goes_on / "out")
    assert found.population.rows
    assert isinstance(begun[0].exception(), BrokenProcessPool)


def test_its_errors_are_told_here(goes_on: Path, pools: list[ProcessPoolExecutor]) -> None:
    hours = goes_on / "out" / DAYS_FOLDER / "population"
    for path in hours.glob("*.marks"):
        path.write_bytes(bytes(path.stat().st_size))
    with (judging_beside(goes_on / "results", goes_on / "out", WISHES) as judging,
          pytest.raises(StoreError, match="population")):
        judging.wait()
    assert len(pools) == 1


def test_days_that_the_log_is_not_of_are_refused_before_anything_is_written(goes_on: Path) -> None:
    out = goes_on / "out"
    (out / EVENTS_FILE).write_bytes(b"")
    (out / "cells.json").write_bytes(b'{"since": "2020-01-01", "until": ""}')
    before = (out / POPULATION_FILE).stat()
    with pytest.raises(StoreError, match="2020-01-01"), judging_beside(goes_on / "results", out, WISHES) as judging:
        judging.wait()
    assert (out / POPULATION_FILE).stat() == before


@pytest.mark.parametrize("case", ["nothing new", "little new", "one processor", "one thread"])
def test_no_process_is_begun_for(case: str, goes_on: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, wishes = goes_on / "out", WISHES
    if case == "nothing new":
        judge_together(goes_on / "results", out, WISHES)
    elif case == "little new":
        monkeypatch.setattr(judged_together, "_LEAST_NEW_BYTES", 1 << 40)
    elif case == "one processor":
        monkeypatch.setattr(os, "cpu_count", lambda: 1)
    else:
        wishes = replace(WISHES, threads=1)
    assert not judged_together._is_worth_a_process(goes_on / "results", out, wishes)
