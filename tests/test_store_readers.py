"""What others make of the stored files: light readers, Parquet, the codebook's one-liners, the data package."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from stored import a_result

from probe.store import parquet
from probe.store.codebook import codebook
from probe.store.package import write_package
from probe.store.schema import TABLES
from probe.store.write import write_run

ROOT = Path(__file__).parent.parent


def test_the_cron_path_imports_nothing_heavy(tmp_path: Path) -> None:
    code = ("import sys; from pathlib import Path; sys.path.insert(0, 'tests')\n"
            "from probe.store.write import write_run; from probe.store.read import read_run\n"
            "from probe.model import Run, RunResult\n"
            "run = Run(run_id='r', measurement_start_time='2017-05-04T06:12:00Z')\n"
            "write_run(RunResult(run=run, observations=(), controls=(), verdicts=(), services=()), Path(sys.argv[1]),"
            " parquet=False)\nread_run(Path(sys.argv[1]), 'r')\n"
            "print(set(sys.modules) & {'pandas', 'pyarrow', 'numpy', 'duckdb', 'scapy', 'jinja2', 'rich'})")
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "set()"


def test_the_codebooks_one_liners_read_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pandas, duckdb = pytest.importorskip("pandas"), pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    texts = ("plain", "", "=1\n\x1b", "\ud800", "0123")
    for i, text in enumerate(texts):
        write_run(a_result(f"r-{i}", f"2017-05-0{i + 1}T06:12:00Z", text=text), tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    block = re.search(r"```python\n(.*?)```", codebook(), re.DOTALL)
    assert block
    import glob
    for table, rows in (("verdicts", 1), ("observations", 2), ("runs", 1), ("controls", 1), ("services", 1)):
        for line in block[1].replace("verdicts", table).splitlines():
            found = eval(line, {"pandas": pandas, "duckdb": duckdb, "glob": glob})
            assert len(found) == rows * len(texts), line


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
