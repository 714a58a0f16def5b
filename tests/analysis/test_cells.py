"""Cells: the same as counted by hand, on DuckDB, whatever form the files have; and what is not counted is told."""

from __future__ import annotations

import csv
import json
import random
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from fleet_days import NOW, START, a_run, naive_cells, some_runs, write_runs
from in_order import in_order
from probe.cli.main import cli
from probe_analysis.cells.cell_expressions import COLUMNS, ORDER
from probe_analysis.cells.file_names import CELLS_FILE
from probe_analysis.counting.cell_files import write_cells
from probe_analysis.counting.day_counts import CellSummary
from probe_analysis.engines.duckdb_engine import DuckDB

if TYPE_CHECKING:
    from pandas import DataFrame


def counted(directory: Path, out: Path, *, lab: bool = False,
            listed: Path | None = None) -> tuple[DataFrame, CellSummary]:
    engine = DuckDB(memory_mb=500, threads=2)
    try:
        done = write_cells(directory, out, engine, now=NOW, lab=lab, rejected=listed)
    finally:
        engine.close()
    return pd.read_parquet(out / CELLS_FILE), done


def same(found: DataFrame, wanted: DataFrame) -> None:
    wanted = wanted.sort_values(list(ORDER), ignore_index=True)[list(COLUMNS)]
    wanted["cell_start"] = wanted["cell_start"].astype("datetime64[us, UTC]")
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)


@pytest.mark.parametrize("parquet", [False, True])
def test_cells_are_what_one_counts_by_hand(tmp_path: Path, parquet: bool) -> None:
    write_runs(tmp_path / "results", some_runs(60, days=1), parquet=parquet)
    found, done = counted(tmp_path / "results", tmp_path / "out")
    same(found, naive_cells(tmp_path / "results"))
    assert (found["witnesses"] > 1).any()
    words = found[["n", "inconclusive", "network", "local"]].sum(axis=1)
    assert (found["witnesses"] == words).all(), "each probe counts once"
    assert words[found["level"] == "target"].sum() < 600 * 0.93 - 3, "some probes measured twice in an hour"
    assert set(found["level"]) == {"target", "role", "service"}
    assert (done.runs, done.rows["verdicts"], sum(done.rejected.values())) == (60, 300, 0)


def rewritten(path: Path, **cells: str) -> None:
    """Other cells in every row of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(row | cells for row in rows)


def the_file(directory: Path, table: str, run: str) -> Path:
    (path,) = directory.glob(f"{table}/*/{run}.csv")
    return path


def test_bad_input_is_counted_and_listed_and_the_rest_is_used(tmp_path: Path) -> None:
    """One fault a run; whatever else these runs hold must be counted as if the faulty ones were not there."""
    good, bad = tmp_path / "good", tmp_path / "bad"
    runs = some_runs(40)
    write_runs(good, runs[20:], parquet=False)
    write_runs(bad, runs, parquet=False)
    faults = {
        "country": ("runs", {"probe_cc": "r\u202eu"}), "network": ("runs", {"probe_asn": "AS64500"}),
        "time": ("runs", {"measurement_start_time": "yesterday"}), "lab_type": ("runs", {"lab": "perhaps"}),
        "probe_id": ("runs", {"probe_id": "'=HYPERLINK(\"x\")"}), "schema": ("runs", {"schema_version": "99"}),
        "day": ("runs", {"measurement_start_time": "2026-01-01T00:00:00Z"}),
        "past": ("runs", {"measurement_start_time": "1970-01-01T00:00:00Z"}),
        "future": ("runs", {"measurement_start_time": "2030-01-01T00:00:00Z"}),
        "outcome": ("both", {"outcome": "hacked"}), "name": ("both", {"service": "<script>alert(1)</script>"}),
        "run_id": ("both", {"run_id": "../../etc/passwd"}),
    }
    for run, (_, (table, cells)) in zip(runs, faults.items(), strict=False):
        for name in (("verdicts", "services") if table == "both" else (table,)):
            rewritten(the_file(bad, name, run.run.run_id), **cells)
    unfinished, lacking, binary, torn, typed = (run.run.run_id for run in runs[12:17])
    the_file(bad, "runs", unfinished).unlink()
    for table, column in (("verdicts", b",outcome,"), ("services", b",outcome,")):
        path = the_file(bad, table, lacking)
        path.write_bytes(path.read_bytes().replace(column, b",out,", 1))
        the_file(bad, table, binary).write_bytes(b"\x00\xff" * 99)
        path = the_file(bad, table, torn)
        header, *lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(header + b"".join(line[:60] + b"\r\n" for line in lines))
    rewritten(the_file(bad, "verdicts", typed), confirmed="maybe", block_type="")
    the_file(bad, "services", typed).unlink()
    for run in runs[17:20]:
        for table in ("verdicts", "services", "runs"):
            the_file(bad, table, run.run.run_id).unlink()

    listed = tmp_path / "rejected.csv"
    found, done = counted(bad, tmp_path / "out", listed=listed)
    same(found, naive_cells(good))
    sizes = {"services": len(runs[0].services), "verdicts": len(runs[0].verdicts)}
    both = sum(sizes.values())
    wanted = dict.fromkeys((*faults, "unfinished"), both) | {
        "torn": both, "file": 4, "confirmed": sizes["verdicts"], "unfinished": 2 * both, "run_id": 0}
    assert {word: done.rejected[word] for word in wanted} == wanted
    assert done.runs == 20 + 7  # those of which only the rows are bad are runs
    with listed.open(newline="", encoding="utf-8") as file:
        text = file.read()
    rows = list(csv.DictReader(text.splitlines()))
    assert len([row for row in rows if row["table"] != "runs"]) == sum(done.rejected.values())
    assert all(row["why"] for row in rows)
    assert "\u202e" not in text


def test_runs_that_come_twice_count_once_and_versions_that_differ_not_at_all(tmp_path: Path) -> None:
    runs = some_runs(30)
    write_runs(tmp_path / "in" / "alice", runs[:20], parquet=False)
    write_runs(tmp_path / "in" / "bob", runs[10:], parquet=False)
    frame, verdict = runs[10].run.run_id, runs[11].run.run_id
    rewritten(the_file(tmp_path / "in" / "bob", "runs", frame), probe_asn="1")
    path = the_file(tmp_path / "in" / "bob", "verdicts", verdict)
    header, first, *rest = path.read_bytes().splitlines(keepends=True)
    other = b",down," if b",down," not in first else b",ok,"
    outcome = next(word for word in ("ok", "blocked", "down", "inconclusive", "network", "local", "not_attempted")
                   if f",{word},".encode() in first)
    path.write_bytes(header + first.replace(f",{outcome},".encode(), other) + b"".join(rest))
    found, done = counted(tmp_path / "in", tmp_path / "out")
    write_runs(tmp_path / "truth", [run for run in runs if run.run.run_id not in (frame, verdict)], parquet=False)
    same(found, naive_cells(tmp_path / "truth"))
    assert (done.folders, done.runs, dict(done.bad_runs)) == (2, 28, {"conflict": 2})
    assert done.duplicates == {"verdicts": 8 * 5, "services": 8 * 4}


def test_the_laboratory_is_never_mixed_in(tmp_path: Path) -> None:
    write_runs(tmp_path / "in", some_runs(10), parquet=False)
    write_runs(tmp_path / "in", [a_run(100 + n, START + timedelta(hours=n), random.Random(n), lab=True)
                                 for n in range(5)], parquet=False)
    found, done = counted(tmp_path / "in", tmp_path / "out")
    same(found, naive_cells(tmp_path / "in"))
    assert done.other_side == 5 * 9
    found, done = counted(tmp_path / "in", tmp_path / "lab", lab=True)
    same(found, naive_cells(tmp_path / "in", lab=True))
    assert done.other_side == 10 * 9


def test_the_command_counts_lists_and_tells(tmp_path: Path) -> None:
    write_runs(tmp_path / "in", some_runs(3), parquet=False)
    rewritten(next(tmp_path.glob("in/verdicts/*/*.csv")), outcome="hacked\x1b[2J")
    arguments = ["analyse", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--memory", "300"]
    done = CliRunner().invoke(cli, [*arguments, "--rejected", str(tmp_path / "rejected.csv")])
    assert done.exit_code == 0, done.output
    assert in_order(done.output, "10 of 15", "verdicts", "12 of 12", "services", "3 runs")
    assert in_order(done.output, "Left out", "5 rows", "outcome")
    assert len((tmp_path / "rejected.csv").read_text().splitlines()) == 6
    told = json.loads(CliRunner().invoke(cli, [*arguments, "--json"]).stdout)
    assert (told["used"], told["rejected"]) == ({"verdicts": 10, "services": 12}, {"outcome": 5})
    about = json.loads((tmp_path / "out" / "cells.json").read_text())
    assert [column["name"] for column in about["columns"]] == list(COLUMNS)
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.suffix in (".json", ".parquet")) == [
        "cells.json", "cells.parquet", "population.parquet", "slowed.json"]


def test_nothing_to_count_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["analyse", str(tmp_path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "no results here" in done.output
    assert "Traceback" not in done.output
    (tmp_path / "verdicts" / "date=2026-03-01").mkdir(parents=True)
    (tmp_path / "verdicts" / "date=2026-03-01" / "r-1.csv").write_bytes(b"run_id,target_id\r\n")
    done = CliRunner().invoke(cli, ["analyse", str(tmp_path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "no file of runs" in done.output


def test_results_without_runs_files_are_told_by_their_rows(tmp_path: Path) -> None:
    """As when somebody keeps verdicts alone; a run whose rows contradict each other is in two versions."""
    runs = some_runs(12)
    write_runs(tmp_path / "in", runs, parquet=False)
    shutil.rmtree(tmp_path / "in" / "runs")
    rewritten(the_file(tmp_path / "in", "services", runs[0].run.run_id), probe_asn="7")
    found, done = counted(tmp_path / "in", tmp_path / "out")
    write_runs(tmp_path / "truth", runs[1:], parquet=False)
    same(found, naive_cells(tmp_path / "truth").assign(hellos="", struck_hellos=""))
    assert done.bad_runs == {"conflict": 1}


def test_parquet_of_others_is_believed_no_more_than_csv(tmp_path: Path) -> None:
    """Texts for numbers, lists for texts, numbers too large, a damaged page: only these files or rows are left out."""
    runs = some_runs(12)
    write_runs(tmp_path / "in", runs, parquet=True)
    for table in ("verdicts", "services", "runs"):
        shutil.rmtree(tmp_path / "in" / table)

    def changed(table: str, run: int, name: str, values: pa.Array) -> None:
        (path,) = tmp_path.glob(f"in/parquet/{table}/*/{runs[run].run.run_id}.parquet")
        rows = pq.ParquetFile(path).read()
        pq.write_table(rows.set_column(rows.column_names.index(name), name, values), path)

    changed("runs", 0, "probe_asn", pa.array(["64500"]))
    changed("runs", 1, "probe_asn", pa.array([2**63 + 5], pa.uint64()))
    changed("runs", 2, "measurement_start_time", pa.array([runs[2].run.measurement_start_time]))
    changed("verdicts", 3, "outcome", pa.array([["ok"]] * 5))
    changed("verdicts", 4, "block_type", pa.array([v.block_type for v in runs[4].verdicts]).dictionary_encode())
    for table, torn, name in (("verdicts", 5, "outcome"), ("runs", 6, "probe_cc")):
        (path,) = tmp_path.glob(f"in/parquet/{table}/*/{runs[torn].run.run_id}.parquet")
        place = pq.ParquetFile(path).metadata.row_group(0).column(
            pq.read_schema(path).names.index(name)).data_page_offset
        data = bytearray(path.read_bytes())
        data[place : place + 12] = b"\xff" * 12
        path.write_bytes(data)

    found, done = counted(tmp_path / "in", tmp_path / "out", listed=tmp_path / "rejected.csv")
    left = [replace(run, verdicts=() if number in (3, 5) else run.verdicts)
            for number, run in enumerate(runs) if number not in (1, 6)]
    for number, run in enumerate(left):
        left[number] = replace(run, run=replace(run.run, vantage=replace(run.run.vantage, probe_asn=64500))) if (
            run.run.run_id == runs[0].run.run_id) else run
    write_runs(tmp_path / "truth", left, parquet=False)
    same(found, naive_cells(tmp_path / "truth"))
    assert done.rejected == {"file": 3, "network": 9, "unfinished": 9}
    assert "damaged Parquet" in (tmp_path / "rejected.csv").read_text()
