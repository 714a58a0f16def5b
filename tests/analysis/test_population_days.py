"""A population that goes on from the last one is the one from nothing, and reads and judges what is new."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from population_days import BEGIN, NOW, TARGET, Volunteer, list_runs, make_volunteers
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe.core.runs import RunResult
from probe.store.runs.run_writer import write_run
from probe_analysis.cells.file_names import DAYS_FOLDER, POPULATION_FILE, POPULATION_TEXT
from probe_analysis.population import hour_files
from probe_analysis.population.hour_files import write_day
from probe_analysis.population.population_files import write_population
from probe_analysis.population.stretches import Stretches

SLOW = pytest.mark.slow
DAYS = [f"2026-03-{day:02}" for day in range(1, 6)]
SERVED = ControlAnswer(control_id="home", input="https://one.example/", state="answered", cc="RU",
                       tcp=((Place("192.0.2.1", 443), ""),), tls=((Place("192.0.2.1", 443), ""),))


def _first(hour: int) -> bool:
    return 0 <= hour < 30


def _later(hour: int) -> bool:
    return hour >= 60


WORLD = [*make_volunteers(3, _first), *make_volunteers(2, _later, first=64510, controls=(SERVED,)),
         Volunteer(asn=64500, probe="second", fails=_first), *make_volunteers(2, lambda hour: False, first=64600),
         Volunteer(asn=64700, probe="abroad", cc="DE", fails=_first)]


def _write(directory: Path, runs: Iterable[RunResult], *, parquet: bool = False) -> None:
    for run in runs:
        write_run(run, directory, parquet=parquet, known_new=True)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    _write(tmp_path / "in", list_runs(WORLD, end=90))  # BEGIN is the second of DAYS
    return tmp_path / "in"


Work = tuple[list[str], list[str]]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """The days that are made, and the onsets of stretches that are judged, as it happens."""
    days: list[str] = []
    onsets: list[str] = []

    def note_day(kept: object, day: str, *more: object) -> None:
        days.append(day)
        write_day(kept, day, *more)  # type: ignore[arg-type]

    def note_stretches(self: Stretches, stretches: list[dict[str, int]]) -> object:
        onsets.extend((BEGIN.fromtimestamp(row["onset"] * 3600, BEGIN.tzinfo)).date().isoformat() for row in stretches)
        return read(self, stretches)

    read = Stretches.read_evidence
    monkeypatch.setattr("probe_analysis.population.hour_making.write_day", note_day)
    monkeypatch.setattr(Stretches, "read_evidence", note_stretches)
    return days, onsets


def judged(directory: Path, out: Path, *, now: datetime = NOW, lab: bool = False, since: str = "") -> tuple[bytes, ...]:
    """What is written."""
    out.mkdir(exist_ok=True)
    write_population(directory, out, now=now, memory_mb=400, threads=1, lab=lab, since=since)
    return (out / POPULATION_FILE).read_bytes(), (out / POPULATION_TEXT).read_bytes()


def a_new_hour(directory: Path) -> None:
    _write(directory, list_runs(WORLD, begin=90, end=94))


def late_runs_of_an_old_day(directory: Path) -> None:
    _write(directory, list_runs(make_volunteers(2, _first, first=64800), begin=6, end=18), parquet=True)


def a_removed_day(directory: Path) -> None:
    for path in directory.glob(f"*/date={DAYS[1]}"):
        shutil.rmtree(path)


def a_run_of_two_days(directory: Path) -> None:
    """Runs of the second day come again in the last, so that neither counts."""
    for run in list_runs(WORLD[:1], begin=0, end=12):
        again = (BEGIN + timedelta(hours=80)).strftime("%Y-%m-%dT%H:%M:%SZ")
        _write(directory, [replace(run, run=replace(run.run, measurement_start_time=again))])


def rows_in_the_folder_of_another_day(directory: Path) -> None:
    """Whatever is counted at once, they say nothing."""
    for path in sorted(directory.glob(f"verdicts/date={DAYS[1]}/*.csv"))[:3]:
        path.rename(directory / "verdicts" / f"date={DAYS[2]}" / path.name)


def no_runs(directory: Path) -> None:
    for path in directory.glob(f"runs/date={DAYS[2]}"):
        shutil.rmtree(path)


BOTH = {"2026-03-02", "2026-03-04"}
LATER = {"2026-03-04", "2026-03-05"}
"""Of fresh names, and of known ones a day later."""


@pytest.mark.parametrize(("change", "made", "onsets"), [
    pytest.param(a_new_hour, DAYS[4:], {"2026-03-04"}, id="a new hour"),
    pytest.param(late_runs_of_an_old_day, DAYS[1:2], BOTH, id="late runs of an old day", marks=SLOW),
    pytest.param(a_removed_day, DAYS[3:4], LATER, id="a removed day", marks=SLOW),
    pytest.param(a_run_of_two_days, [DAYS[1], DAYS[4]], BOTH, id="a run of two days", marks=SLOW),
    pytest.param(rows_in_the_folder_of_another_day, DAYS[1:3], BOTH, id="rows of another day", marks=SLOW),
    pytest.param(no_runs, DAYS[2:4], BOTH | LATER, id="no runs", marks=SLOW),
])  # without a day nobody was there for three days on the fourth of them
def test_what_changed_is_made_and_all_is_as_from_nothing(
    results: Path, tmp_path: Path, work: Work, change: Callable[[Path], None], made: list[str], onsets: set[str],
) -> None:
    before = judged(results, tmp_path / "out")
    assert (work[0], set(work[1])) == (DAYS, {"2026-03-02", "2026-03-04"})
    for each in work:
        each.clear()
    assert judged(results, tmp_path / "out") == before
    assert work == ([], [])
    change(results)
    after = judged(results, tmp_path / "out")
    assert (sorted(set(work[0])), set(work[1])) == (made, onsets)
    assert after != before
    assert after == judged(results, tmp_path / "anew")
    kept = {path.name[:10] for path in (tmp_path / "out" / DAYS_FOLDER / "population").glob("20*")}
    assert kept == {path.name[5:] for path in results.glob("verdicts/date=*")}


@pytest.mark.slow
def test_other_rules_judge_everything_anew(results: Path, tmp_path: Path, work: Work,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    before = judged(results, tmp_path / "out")
    for name in ("hour_making", "judged_stretches"):
        monkeypatch.setattr(f"probe_analysis.population.{name}.digest_program", lambda: "another")
    monkeypatch.setattr("probe_analysis.populations.population_bases.SEVERAL_PROBES", 50)
    after = judged(results, tmp_path / "out")
    assert after != before
    assert (len(work[0]), after) == (2 * len(DAYS), judged(results, tmp_path / "anew"))


@SLOW
def test_a_run_of_the_future_counts_when_it_is_past(results: Path, tmp_path: Path) -> None:
    early = BEGIN + timedelta(hours=70)
    first = judged(results, tmp_path / "out", now=early)
    assert judged(results, tmp_path / "out") == judged(results, tmp_path / "late") != first
    assert judged(results, tmp_path / "out", now=early) == first


@pytest.mark.parametrize("harm", [pytest.param("lost", marks=SLOW), pytest.param("torn list", marks=SLOW), "torn rows"])
def test_what_is_kept_may_be_lost(results: Path, tmp_path: Path, harm: str) -> None:
    before = judged(results, tmp_path / "out")
    kept = tmp_path / "out" / DAYS_FOLDER / "population"
    if harm == "lost":
        shutil.rmtree(kept)
    else:
        path = kept / ("known.json" if harm == "torn list" else "judged.parquet")
        path.write_bytes(path.read_bytes()[:-40])
    assert judged(results, tmp_path / "out") == before


@SLOW
def test_other_days_and_the_laboratory_are_judged_apart_in_the_same_folder(results: Path, tmp_path: Path) -> None:
    before = judged(results, tmp_path / "out")
    assert judged(results, tmp_path / "out", since=DAYS[2]) == judged(results, tmp_path / "some", since=DAYS[2])
    assert judged(results, tmp_path / "out", lab=True) != before
    assert judged(results, tmp_path / "out") == before


Met = list[tuple[int, int]]
"""Hours, each with what was met in it: 0 served, 1 failed."""


@SLOW
@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 95), st.sampled_from((0, 0, 0, 1))), max_size=80))
def test_marks_find_the_stretches_that_all_hours_find(tmp_path_factory: pytest.TempPathFactory, met: Met) -> None:
    folder = tmp_path_factory.mktemp("marks")
    connection = duckdb.connect()
    connection.execute("CREATE TABLE all_hours (cc VARCHAR, asn BIGINT, target_id VARCHAR, service VARCHAR, role "
                       "VARCHAR, day INTEGER, hours INTEGER, state TINYINT, fresh BOOLEAN)")
    for hour, failed in met:
        connection.execute(f"INSERT INTO all_hours VALUES ('RU', 1, '{TARGET}', 'a', 'chat', {hour // 24}, "
                           f"{1 << hour % 24}, {1 - failed}, false)")
    found = []
    whole = hour_files.MARKS.replace("AND (wanted >> hour) & 1", "").replace("WHERE worst > 0 OR", "WHERE true OR")
    for name, wanted in (("sparse", hour_files.MARKS), ("whole", whole)):
        for day in range(4):
            connection.execute(f"CREATE OR REPLACE TEMP VIEW hours AS SELECT * FROM all_hours WHERE day = {day}")
            connection.execute(f"COPY ({wanted}) TO '{folder}/{name}{day}.marks' (FORMAT parquet)")
        found.append(_find(folder, name))
    assert found[0] == found[1]


def _find(folder: Path, name: str) -> list[tuple[object, ...]]:
    from probe_analysis.population.stretches import NAMES, STRETCHES

    marks = f"read_parquet('{folder}/{name}*.marks')"
    with duckdb.connect() as connection:
        for sql in (NAMES, STRETCHES):
            connection.execute(sql.format(marks=marks))
        return connection.execute("SELECT * FROM stretches ORDER BY number").fetchall()


def _breaks(path: Path) -> None:
    """The file's end is as it was, and the bytes before it are none of a table's."""
    path.write_bytes(path.read_bytes()[:4] + bytes(200) + path.read_bytes()[204:])


@SLOW
@pytest.mark.parametrize("table", ["runs", "verdicts"])
def test_a_damaged_file_is_left_out(tmp_path: Path, table: str) -> None:
    _write(tmp_path / "in", list_runs(WORLD, end=40), parquet=True)
    for path in tmp_path.glob("in/*/date=*/*.csv"):
        path.unlink()
    broken = sorted(tmp_path.glob(f"in/parquet/{table}/date={DAYS[2]}/*.parquet"))[0]
    _breaks(broken)
    found = judged(tmp_path / "in", tmp_path / "out")
    broken.unlink()
    assert found == judged(tmp_path / "in", tmp_path / "anew")


@SLOW
def test_the_order_of_files_changes_nothing(tmp_path: Path) -> None:
    runs = list(list_runs(WORLD, end=40))
    _write(tmp_path / "one", runs)
    random.Random(5).shuffle(runs)
    _write(tmp_path / "two", runs)
    assert judged(tmp_path / "one", tmp_path / "a") == judged(tmp_path / "two", tmp_path / "b")
