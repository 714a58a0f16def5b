"""A data set as a lake: the rows of the store, once each, whatever happens while it is written."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from click.testing import CliRunner
from hypothesis import given

from any_results import RESULTS
from probe.cli.main import cli
from probe.core.runs import RunResult
from probe.store.archive.compaction import compact_days
from probe.store.files.csv_files import make_csv
from probe.store.files.parquet import write_parquet
from probe.store.row_codec import rows_of
from probe.store.runs import merged_days
from probe.store.runs.run_writer import write_run
from probe.store.schema import TABLES
from probe_operate.collect.lake import DAYS_FILE, update_lake
from signed_runs import KEY, named
from stored import a_result

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

TODAY = date(2017, 5, 9)


def send(out: Path, names: str, *, day: int = 4, cc: str = "RU", schema: str = "") -> None:
    for name in names:
        result = a_result(f"r-{name}", f"2017-05-{day:02}T06:12:00Z")
        run = replace(result.run, schema_version=schema, vantage=replace(result.run.vantage, probe_cc=cc))
        write_run(replace(result, run=run), out, parquet=False)


def runs_by_place(lake: Path, table: str = "verdicts") -> dict[str, list[str]]:
    return {str(path.relative_to(lake / table)): pq.ParquetFile(path).read(["run_id"]).column(0).to_pylist()
            for path in sorted((lake / table).rglob("[!.]*.parquet"))}


@pytest.mark.slow
@pytest.mark.long
@given(result=RESULTS)
def test_columns_are_those_that_rows_make(result: RunResult) -> None:
    from probe.store.files.parquet_columns import read_columns

    for table in TABLES.values():
        file = io.BytesIO()
        write_parquet(file, table, rows_of(result, table))
        expected = pq.read_table(io.BytesIO(file.getvalue()))
        found = read_columns(make_csv(table, rows_of(result, table)), table)
        assert found.schema.equals(expected.schema)
        assert repr(found.to_pylist()) == repr(expected.to_pylist())  # as texts: NaN is not itself


def test_days_that_are_over_lie_by_country_and_month(tmp_path: Path) -> None:
    out, lake = tmp_path / "out", tmp_path / "lake"
    send(out, "ba")
    send(out, "c", cc="IR")
    send(out, "d", cc="../x")
    send(out, "e", day=8)
    compact_days(out, today=TODAY)
    send(out, "f", day=5)
    assert update_lake(out, lake, today=TODAY).days == ("2017-05-04", "2017-05-05")
    assert runs_by_place(lake) == {
        "country=IR/month=2017-05/day-04.parquet": ["r-c"], "country=RU/month=2017-05/day-04.parquet": ["r-a", "r-b"],
        "country=RU/month=2017-05/day-05.parquet": ["r-f"], "country=ZZ/month=2017-05/day-04.parquet": ["r-d"]}
    assert {path.name for path in lake.iterdir()} == {*TABLES, DAYS_FILE}


def test_only_days_that_changed_are_written_again(tmp_path: Path) -> None:
    out, lake = tmp_path / "out", tmp_path / "lake"
    send(out, "a")
    send(out, "b", day=5)
    update_lake(out, lake, today=TODAY)
    assert update_lake(out, lake, today=TODAY).days == ()
    send(out, "c", cc="IR")
    for path in out.rglob("r-a.csv"):
        path.unlink()
    assert update_lake(out, lake, today=TODAY).days == ("2017-05-04",)
    assert runs_by_place(lake) == {"country=IR/month=2017-05/day-04.parquet": ["r-c"],
                                   "country=RU/month=2017-05/day-05.parquet": ["r-b"]}


@pytest.mark.parametrize(("most_files", "group", "held"), [
    (64, 1 << 24, 1 << 27), (64, 1, 1), (64, 1 << 24, 1), (2, 1, 1), (1, 1 << 24, 1 << 27)])
def test_rows_are_the_same_however_little_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_files: int,
                                                  group: int, held: int) -> None:
    monkeypatch.setattr("probe_operate.collect.lake.MOST_FILES", most_files)
    monkeypatch.setattr("probe.store.files.parquet_texts._GROUP_BYTES", group)
    monkeypatch.setattr("probe.store.files.parquet_texts._HELD_BYTES", held)
    out, lake = tmp_path / "out", tmp_path / "lake"
    for name, cc in zip("abcdef", ("RU", "IR", "", "RU", "IR", "RU"), strict=True):
        send(out, name, cc=cc)
    assert update_lake(out, lake, today=TODAY).runs == 6
    assert runs_by_place(lake) == {
        "country=IR/month=2017-05/day-04.parquet": ["r-b", "r-e"],
        "country=RU/month=2017-05/day-04.parquet": ["r-a", "r-d", "r-f"],
        "country=ZZ/month=2017-05/day-04.parquet": ["r-c"]}
    assert not list(lake.rglob(".*"))


def test_the_files_of_a_big_day_are_gone_through_once_whatever_the_countries(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    for number, name in enumerate("abcdefghijkl"):
        send(out, name, cc=("RU", "IR", "CN")[number % 3])
    size = max(path.stat().st_size for path in out.rglob("*.csv"))
    monkeypatch.setattr("probe.store.archive.compaction.MAX_MERGED_BYTES", size * 3)
    compact_days(out, today=TODAY)
    files = len(list(out.rglob("day@*.csv")))
    monkeypatch.setattr(merged_days, "_MAX_PLACES", 1)  # one file is remembered, as of a day of many more files
    with patch.object(merged_days, "_find_places", wraps=merged_days._find_places) as searched:
        update_lake(out, tmp_path / "lake", today=TODAY)
    assert len(list((tmp_path / "lake").glob("verdicts/*/*/*.parquet"))) == 3
    assert 2 * len(TABLES) < files
    assert searched.call_count <= files


def test_what_is_not_as_it_was_signed_stays_out(tmp_path: Path) -> None:
    out, lake = tmp_path / "out", tmp_path / "lake"
    for name in ("r-a", "r-b"):
        write_run(named(a_result(name, "2017-05-04T06:12:00Z")), out, parquet=False, signer=KEY)
    (path,) = out.glob("verdicts/*/r-b.csv")
    path.write_bytes(path.read_bytes().replace(b"ok", b"blocked"))
    assert update_lake(out, lake, today=TODAY).unusable == ("r-b",)
    assert [runs for runs in runs_by_place(lake).values()] == [["r-a"]]


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b'{"2017-05-04": 3}'])
def test_a_damaged_list_of_days_costs_time_alone(tmp_path: Path, text: bytes) -> None:
    out, lake = tmp_path / "out", tmp_path / "lake"
    send(out, "a")
    update_lake(out, lake, today=TODAY)
    (lake / DAYS_FILE).write_bytes(text)
    update_lake(out, lake, today=TODAY)
    assert runs_by_place(lake) == {"country=RU/month=2017-05/day-04.parquet": ["r-a"]}


def test_rows_of_an_older_header_come_along(tmp_path: Path) -> None:
    out, lake = tmp_path / "out", tmp_path / "lake"
    send(out, "ab")
    (path,) = out.glob("services/*/r-a.csv")
    lines = [line.split(b",") for line in path.read_bytes().splitlines()]
    path.write_bytes(b"".join(b",".join(cells[:-1]) + b"\r\n" for cells in lines))
    update_lake(out, lake, today=TODAY)
    assert runs_by_place(lake, "services") == {"country=RU/month=2017-05/day-04.parquet": ["r-a", "r-b"]}


def test_stopped_at_any_step_no_row_is_there_twice_and_in_the_end_all_are(tmp_path: Path) -> None:
    """The process ends, as by SIGKILL, at the n-th file that would take its place."""
    out, lake = tmp_path / "out", tmp_path / "lake"
    send(out, "ab")
    update_lake(out, lake, today=TODAY)
    send(out, "c")
    send(out, "d", cc="IR")
    for stop in range(1, 99):
        child = os.fork()
        if not child:
            _end_at(stop)
            update_lake(out, lake, today=TODAY)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        for table in TABLES:
            runs = [run for runs in runs_by_place(lake, table).values() for run in runs if table != "observations"]
            assert len(runs) == len(set(runs))
            assert {"r-a", "r-b"} <= set(runs) or table == "observations"
        if os.waitstatus_to_exitcode(status) == 0:
            break
    assert stop > 10
    assert runs_by_place(lake) == {"country=IR/month=2017-05/day-04.parquet": ["r-d"],
                                   "country=RU/month=2017-05/day-04.parquet": ["r-a", "r-b", "r-c"]}
    assert update_lake(out, lake, today=TODAY).days == ()


def _end_at(stop: int) -> None:
    left, real = [stop], os.replace

    def counted(*places: Any) -> None:
        left[0] -= 1
        if not left[0]:
            os._exit(9)
        real(*places)

    os.replace = counted  # type: ignore[assignment]


@pytest.mark.parametrize(("lake", "code"), [("lake", 0), ("in", 2), ("in/x", 2), ("out", 2), ("out/x", 2), ("file", 2)])
def test_the_command_writes_the_lake_and_not_into_what_it_reads(in_folder: Path, lake: str, code: int) -> None:
    send(Path("in"), "a", schema="1")
    Path("file").write_text("")
    result = CliRunner().invoke(cli, ("collect", "in", "-o", "out", "--lake", lake))
    assert result.exit_code == code, result.output
    assert len(list(Path(lake).glob("verdicts/*/*/*.parquet"))) == (not code)


# engines, one line each


def test_engines_read_it_by_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    duckdb, pandas = pytest.importorskip("duckdb"), pytest.importorskip("pandas")
    out = tmp_path / "out"
    send(out, "ab")
    send(out, "c", cc="NA")
    update_lake(out, tmp_path / "lake", today=TODAY)
    monkeypatch.chdir(tmp_path)
    line = ("SELECT country, month, count(*) "
            "FROM read_parquet('lake/verdicts/*/*/*.parquet', hive_partitioning = true) GROUP BY ALL")
    assert sorted(duckdb.sql(line).fetchall()) == [("NA", "2017-05", 1), ("RU", "2017-05", 2)]
    named = ("SELECT country, count(*) FROM read_parquet(['lake/verdicts/country=RU/month=2017-05/day-' "
             "|| lpad(day::text, 2, '0') || '.parquet' FOR day IN range(4, 5)], hive_partitioning = true) GROUP BY ALL")
    assert duckdb.sql(named).fetchall() == [("RU", 2)]
    frame = pandas.read_parquet("lake/verdicts", columns=["run_id"], filters=[
        ("country", "==", "RU"), ("month", "==", "2017-05")])
    assert sorted(frame["run_id"]) == ["r-a", "r-b"]
    assert sorted(pandas.read_parquet("lake/verdicts")["country"].astype(str)) == ["NA", "RU", "RU"]
