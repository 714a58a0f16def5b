"""An analysis that goes on from the last one writes what one from nothing writes, and counts what is new."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet_days import NOW, START, a_run, moved, some_runs, write_runs
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import read_runs
from probe_analysis.cells.file_names import ABOUT_FILE, CELLS_FILE, DAYS_FOLDER, EVENTS_FILE
from probe_analysis.counting.cell_files import write_cells
from probe_analysis.counting.known_days import KnownDays
from probe_analysis.counting.portion_counting import PortionCounter
from probe_analysis.day_cache.day_cache import KNOWN_FILE
from probe_analysis.day_cache.run_crossings import find_crossings
from probe_analysis.engines.duckdb_engine import DuckDB
from test_cells import rewritten, the_file

DAYS = ["2026-03-01", "2026-03-02", "2026-03-03"]


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the file of cells goes on from groups that are as they were."""
    monkeypatch.setattr("probe_analysis.counting.cells_writer.GROUP_ROWS", 16)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write_runs(tmp_path / "in", some_runs(18), parquet=False)
    return tmp_path / "in"


@pytest.fixture
def days_counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every day whose rows an engine goes through, as it happens."""
    seen: list[str] = []
    count = PortionCounter.count

    def noted(self: PortionCounter, chunk: object, runs: object) -> object:
        seen.extend(chunk.days)  # type: ignore[attr-defined]
        return count(self, chunk, runs)  # type: ignore[arg-type]

    monkeypatch.setattr(PortionCounter, "count", noted)
    return seen


def analysed(directory: Path, out: Path, *, now: datetime = NOW, **more: object) -> tuple[bytes, bytes]:
    """What is written."""
    engine = DuckDB(memory_mb=300, threads=1)
    try:
        write_cells(directory, out, engine, now=now, **more)  # type: ignore[arg-type]
    finally:
        engine.close()
    return (out / CELLS_FILE).read_bytes(), (out / ABOUT_FILE).read_bytes()


def a_new_run(directory: Path) -> None:
    write_runs(directory, [a_run(100, START + timedelta(days=2, hours=23), random.Random(1))], parquet=False)


def a_late_run(directory: Path) -> None:
    write_runs(directory, [a_run(101, START + timedelta(hours=1), random.Random(2))], parquet=False)


def a_new_day(directory: Path) -> None:
    write_runs(directory, [a_run(102, START + timedelta(days=9), random.Random(3))], parquet=False)


def a_removed_run(directory: Path) -> None:
    first = sorted(directory.glob("runs/date=2026-03-02/*.csv"))[0]
    for table in ("runs", "verdicts", "services"):
        (directory / table / "date=2026-03-02" / first.name).unlink()


def a_removed_day(directory: Path) -> None:
    for table in ("runs", "verdicts", "services"):
        shutil.rmtree(directory / table / "date=2026-03-02")


def other_words(directory: Path) -> None:
    first = sorted(directory.glob("verdicts/date=2026-03-01/*.csv"))[0]
    rewritten(first, outcome="down", block_type="")


def a_torn_file(directory: Path) -> None:
    first = sorted(directory.glob("verdicts/date=2026-03-03/*.csv"))[0]
    first.write_bytes(first.read_bytes()[:-30])


def a_run_of_two_days(directory: Path) -> None:
    """A run of the first day comes again in the third, so that neither counts."""
    name = sorted(directory.glob("runs/date=2026-03-01/*.csv"))[0].stem
    write_runs(directory, [moved(a_run(103, START + timedelta(days=2, hours=1), random.Random(4)), name=name)],
               parquet=False)


def a_day_without_runs(directory: Path) -> None:
    a_new_day(directory)
    shutil.rmtree(directory / "runs" / "date=2026-03-10")


def no_files_of_runs(directory: Path) -> None:
    shutil.rmtree(directory / "runs")


def another_folder(directory: Path) -> None:
    """A second volunteer has some of the same runs, and others."""
    own = directory.parent / "moved"
    directory.rename(own)
    directory.mkdir()
    own.rename(directory / "a")
    write_runs(directory / "b", some_runs(22)[14:], parquet=True)


Change = tuple[Callable[[Path], None], list[str]]
CHANGES: list[Change] = [
    (a_new_run, DAYS[2:]), (a_late_run, DAYS[:1]), (a_new_day, ["2026-03-10"]), (a_removed_run, DAYS[1:2]),
    (a_torn_file, DAYS[2:]), (another_folder, DAYS),
]
RARE_CHANGES: list[Change] = [
    (a_day_without_runs, ["2026-03-10"]), (a_removed_day, []), (other_words, DAYS[:1]),
    (a_run_of_two_days, [DAYS[0], DAYS[2]]), (no_files_of_runs, DAYS),
]


@pytest.mark.parametrize(("change", "counted"), [
    *CHANGES, *(pytest.param(*rare, marks=[pytest.mark.slow, pytest.mark.long]) for rare in RARE_CHANGES),
], ids=lambda value: getattr(value, "__name__", ""))
def test_what_changed_is_counted_and_all_is_as_from_nothing(
    results: Path, tmp_path: Path, days_counted: list[str], change: Callable[[Path], None], counted: list[str],
) -> None:
    before = analysed(results, tmp_path / "out")
    assert days_counted == DAYS
    days_counted.clear()
    assert analysed(results, tmp_path / "out") == before
    assert days_counted == []
    change(results)
    after = analysed(results, tmp_path / "out")
    assert days_counted == counted
    assert after != before
    assert after == analysed(results, tmp_path / "anew")


def test_a_run_that_another_day_gives_back_counts_again(results: Path, tmp_path: Path) -> None:
    before = analysed(results, tmp_path / "out")
    a_run_of_two_days(results)
    name = sorted(results.glob("runs/date=2026-03-01/*.csv"))[0].stem
    assert analysed(results, tmp_path / "out") != before
    for table in ("runs", "verdicts", "services"):
        (results / table / "date=2026-03-03" / f"{name}.csv").unlink()
    assert analysed(results, tmp_path / "out") == before


def test_a_run_of_the_future_counts_when_it_is_past(results: Path, tmp_path: Path, days_counted: list[str]) -> None:
    """And no more when the clock goes back."""
    early, late = START + timedelta(days=2, hours=2), NOW
    a_new_run(results)
    first = analysed(results, tmp_path / "out", now=early)
    assert analysed(results, tmp_path / "out", now=late) == analysed(results, tmp_path / "late", now=late)
    days_counted.clear()
    assert analysed(results, tmp_path / "out", now=early) == first
    assert days_counted == DAYS[2:]


@pytest.mark.parametrize("harm", ["lost", "torn", "of_another_program"])
def test_what_is_kept_may_be_lost(
    results: Path, tmp_path: Path, days_counted: list[str], monkeypatch: pytest.MonkeyPatch, harm: str,
) -> None:
    before = analysed(results, tmp_path / "out")
    days_counted.clear()
    kept = tmp_path / "out" / DAYS_FOLDER
    if harm == "lost":
        shutil.rmtree(kept)
    elif harm == "torn":
        known = kept / KNOWN_FILE
        known.write_bytes(known.read_bytes()[:-40])
    else:
        monkeypatch.setattr("probe_analysis.counting.day_plan.digest_code", lambda *_: "another")
    assert analysed(results, tmp_path / "out") == before
    assert days_counted == DAYS


@pytest.mark.parametrize("kind", KnownDays.KINDS)
def test_a_day_whose_file_is_torn_is_counted_again(
    results: Path, tmp_path: Path, days_counted: list[str], kind: str,
) -> None:
    before = analysed(results, tmp_path / "out")
    days_counted.clear()
    [torn] = (tmp_path / "out" / DAYS_FOLDER).glob(f"{DAYS[1]}-*.{kind}")
    torn.write_bytes(torn.read_bytes()[:-8])
    assert analysed(results, tmp_path / "out") == before
    assert days_counted == DAYS[1:2]
    assert analysed(results, tmp_path / "out") == before
    assert days_counted == DAYS[1:2]


def test_a_count_of_others_that_was_killed_leaves_nothing_behind(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It had written days and cells of the laboratory, and not yet what it knows of them."""
    write_runs(results, [a_run(200, START, random.Random(1), lab=True)], parquet=False)
    before = analysed(results, tmp_path / "out")

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("probe_analysis.counting.cell_files._keep", kill)
        with pytest.raises(KeyboardInterrupt):
            analysed(results, tmp_path / "out", lab=True)
    assert (tmp_path / "out" / CELLS_FILE).read_bytes() != before[0]
    assert analysed(results, tmp_path / "out") == before


def test_the_laboratory_is_counted_apart_in_the_same_folder(results: Path, tmp_path: Path) -> None:
    write_runs(results, [a_run(200, START, random.Random(1), lab=True)], parquet=False)
    before = analysed(results, tmp_path / "out")
    assert analysed(results, tmp_path / "out", lab=True) == analysed(results, tmp_path / "anew", lab=True)
    assert analysed(results, tmp_path / "out") == before


def test_some_days_are_those_days_alone(results: Path, tmp_path: Path) -> None:
    cells, _ = analysed(results, tmp_path / "out", since=DAYS[1], until=DAYS[2])
    alone = tmp_path / "alone"
    write_runs(alone, [run for run in read_runs(results) if run.run.measurement_start_time.startswith(DAYS[1])],
               parquet=False)
    assert cells == analysed(alone, tmp_path / "wanted")[0]


def test_events_of_other_days_are_not_mixed_into_a_log(results: Path, tmp_path: Path) -> None:
    analysed(results, tmp_path / "out", since=DAYS[1])
    (tmp_path / "out" / EVENTS_FILE).touch()
    with pytest.raises(StoreError, match=f"--since {DAYS[1]}"):
        analysed(results, tmp_path / "out", since=DAYS[2])
    analysed(results, tmp_path / "out", since=DAYS[1])
    with pytest.raises(StoreError, match="see --since"):
        analysed(results, tmp_path / "empty", until=DAYS[0])


def test_a_file_that_is_listed_is_counted_again(results: Path, tmp_path: Path, days_counted: list[str]) -> None:
    """What is left out of a known day is only known by number."""
    rewritten(the_file(results, "verdicts", sorted(results.glob("runs/*/*.csv"))[0].stem), outcome="hacked")
    before = analysed(results, tmp_path / "out")
    days_counted.clear()
    assert analysed(results, tmp_path / "out", rejected=tmp_path / "rejected.csv") == before
    assert days_counted == DAYS
    assert "hacked" not in (tmp_path / "rejected.csv").read_text()
    assert len((tmp_path / "rejected.csv").read_text().splitlines()) == 6


_DAYS = st.dictionaries(st.sampled_from("abcde"), st.sets(st.integers(0, 12)), min_size=1)


@settings(deadline=None)
@given(_DAYS, _DAYS)
def test_crossings_are_those_of_all_days(first: dict[str, set[int]], then: dict[str, set[int]]) -> None:
    """Asked of the days that changed alone, and of what was known, as asked of all."""
    def asked(days: dict[str, set[int]], fresh: set[str], before: dict[str, list[int]]) -> dict[str, list[int]]:
        found = find_crossings(sorted(days), lambda day: np.array(sorted(days[day]), dtype=np.uint64), sorted(fresh),
                               {day: np.array(each, dtype=np.uint64) for day, each in before.items()})
        return {day: each.tolist() for day, each in found.items()}

    before = asked(first, set(first), {})
    fresh = {day for day in then if then[day] != first.get(day)}
    known = {day: each for day, each in before.items() if day not in fresh}
    wanted = {day: sorted(number for number in then[day]
                          if any(number in then[other] for other in then if other != day)) for day in then}
    assert asked(then, fresh, known) == {day: each for day, each in wanted.items() if each}
