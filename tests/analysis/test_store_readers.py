"""What others make of the stored files: light readers, Parquet, the codebook's one-liners, the data package."""

from __future__ import annotations

import csv
import glob
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from codebook import write_codebook
from probe.core.runs import Vantage
from probe.store.archive.compaction import compact_days
from probe.store.files import parquet
from probe.store.row_codec import run_from
from probe.store.runs.run_writer import write_run
from probe.store.schema import TABLES
from probe_analysis.publication.datapackage import write_package
from project_root import ROOT
from stored import a_result

ROWS = {"verdicts": 1, "observations": 2, "runs": 1, "controls": 1, "services": 1}


def test_the_cron_path_imports_nothing_heavy(tmp_path: Path) -> None:
    code = ("import sys; from pathlib import Path; sys.path.insert(0, 'tests/helpers')\n"
            "from probe.store.runs.run_writer import write_run; from probe.store.runs.run_reader import read_run\n"
            "from probe.core.runs import Run, RunResult\n"
            "run = Run(run_id='r', measurement_start_time='2017-05-04T06:12:00Z')\n"
            "write_run(RunResult(run=run, observations=(), controls=(), verdicts=(), services=()), Path(sys.argv[1]),"
            " parquet=False)\nread_run(Path(sys.argv[1]), 'r')\n"
            "print(set(sys.modules) & {'pandas', 'pyarrow', 'numpy', 'duckdb', 'scapy', 'jinja2', 'rich'})")
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "set()"


TEXTS = ("plain", "", "=1\n\x1b", "\ud800", "0123", 'a"b,c', "NA", "#c", "\\\"")


def some_results(directory: Path, *, parquet: bool | None = None) -> None:
    """A run a day, from Namibia; the first days are merged."""
    for i, text in enumerate(TEXTS):
        result = a_result(f"r-{i}", f"2017-05-0{i + 1}T06:12:00Z", text=text)
        run = replace(result.run, vantage=Vantage(probe_cc="NA", probe_asn=64500))
        write_run(replace(result, run=run), directory, parquet=parquet)
    compact_days(directory, today=date(2017, 5, 6))


def test_the_codebooks_one_liners_read_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    some_results(tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    read_all(write_codebook())


def test_the_guides_one_liners_read_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    some_results(tmp_path / "results", parquet=False)
    monkeypatch.chdir(tmp_path)
    read_all((root / "docs" / "results.md").read_text(encoding="utf-8"))


def read_all(document: str) -> None:
    """Every line of the first block of Python finds all rows, and Namibia in them."""
    pandas, duckdb = pytest.importorskip("pandas"), pytest.importorskip("duckdb")
    block = re.search(r"```python\n(.*?)```", document, re.DOTALL)
    assert block
    for table, rows in ROWS.items():
        for line in block[1].replace("verdicts", table).splitlines():
            found = eval(line, {"pandas": pandas, "duckdb": duckdb, "glob": glob})
            assert len(found) == rows * len(TEXTS), line
            frame = found.df() if hasattr(found, "df") else found
            assert list(frame["probe_cc"]) == ["NA"] * len(frame), line


def test_the_guides_line_for_r_reads_every_row(tmp_path: Path, root: Path) -> None:
    """As R's reader goes about it: line by line, quotes doubled, no comments; and with R where it is installed."""
    some_results(tmp_path / "results", parquet=False)
    block = re.search(r"```r\n(.*?)```", (root / "docs" / "results.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block
    pattern = re.search(r'Sys\.glob\("results/verdicts/(.*?)"\)', block[1])
    assert pattern
    for table, rows in ROWS.items():
        files = sorted((tmp_path / "results" / table).glob(pattern[1]))
        count = 0
        for path in files:
            header, *lines = [next(csv.reader([line])) for line in path.read_text("utf-8").splitlines()]
            assert {len(cells) for cells in lines} <= {len(header)}
            assert {dict(zip(header, cells, strict=True))["probe_cc"] for cells in lines} == {"NA"}
            count += len(lines)
        assert count == rows * len(TEXTS)
    if shutil.which("Rscript"):
        for table, rows in ROWS.items():
            program = f'd <- {block[1].strip().replace("verdicts", table)}; cat(nrow(d), unique(d$probe_cc))'
            done = subprocess.run(["Rscript", "-e", program], capture_output=True, text=True, check=True, cwd=tmp_path)
            assert done.stdout == f"{rows * len(TEXTS)} NA"


def test_parquet_holds_the_values_themselves(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    write_run(a_result(text="=1;\x00\u202e\ud800"), tmp_path, parquet=True)
    for table in TABLES.values():
        (path,) = tmp_path.glob(f"parquet/{table.name}/date=*/*.parquet")
        assert pq.read_schema(path).equals(parquet.arrow_schema(table), check_metadata=False)
        assert pq.read_schema(path).field(0).metadata[b"description"].decode() == table.columns[0].meaning
    (row, _) = pq.ParquetFile(next(tmp_path.glob("parquet/observations/*/*"))).read().to_pylist()
    assert row["title"] == "=1;\x00\u202e\\ud800"
    assert row["answers"][0] == "192.0.2.1"
    assert row["measurement_start_time"].isoformat() == "2017-05-04T06:12:00+00:00"
    assert row["clock_offset_s"] == 0.5
    (control,) = pq.ParquetFile(next(tmp_path.glob("parquet/controls/*/*"))).read().to_pylist()
    assert control["tcp"] == [{"key": "192.0.2.1:443", "value": ""}]
    assert control["http_failure"] is None


def test_the_data_package_describes_the_files(tmp_path: Path) -> None:
    for run_id in ("a", "b"):
        write_run(a_result(run_id), tmp_path, parquet=False)
    package = json.loads(write_package(tmp_path).read_text())
    assert [resource["name"] for resource in package["resources"]] == list(TABLES)
    for resource in package["resources"]:
        assert len(resource["path"]) == 2
        for path in resource["path"]:
            header = (tmp_path / path).read_text().splitlines()[0]
            assert header.split(",") == [field["name"] for field in resource["schema"]["fields"]]


@pytest.mark.parametrize(("written", "read"), [
    ("/home/anna/targets.csv", "own"), (r"C:\Users\anna\targets.csv", "own"), ("packaged", "packaged"),
    ("signed list 7 of 2026-11-20", "signed list 7 of 2026-11-20"), (None, ""),
])
def test_where_an_older_version_found_its_list_is_not_passed_on(written: str | None, read: str) -> None:
    row = {"run_id": "r", "measurement_start_time": "2017-05-04T06:12:00Z", "catalogue_path": written}
    assert run_from(row).catalogue_path == read
