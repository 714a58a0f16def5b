"""A released data set: its descriptions hold for its files, validators accept them, and history goes on."""

from __future__ import annotations

import csv
import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from probe.cli.main import cli
from probe.core.runs import Vantage
from probe.core.tables.run_words import CUT_SHORT
from probe.store.files.atomic import StoreError
from probe.store.runs.run_writer import write_run
from probe.upkeep.commands.exit_codes import EXIT_USAGE
from probe_analysis.exports.release import RELEASED
from probe_analysis.exports.run_choice import RunFilter
from probe_analysis.publication.package_facts import ANONYMOUS, PackageOrder
from probe_analysis.publication.release_package import SUMS_FILE, write_release_package
from probe_analysis.publication.revisions import REVISIONS_FILE, read_revisions
from stored import a_result

NOW = datetime(2017, 6, 1, tzinfo=UTC)
SECRET = "volunteer-7"
PARTIAL_DAY = 3


def store(folder: Path, *days: int, cc: str = "RU") -> None:
    for day in days:
        result = a_result(f"run-{cc}-{day}", f"2017-05-{day:02}T06:12:34Z", text="=1;\u202e")
        run = replace(result.run, vantage=Vantage(probe_id=SECRET, probe_cc=cc, probe_asn=64500),
                      conditions=(CUT_SHORT,) if day == PARTIAL_DAY else ())
        write_run(replace(result, run=run), folder, parquet=False)


def make(results: Path, out: Path, version: str = "1", **named: object) -> Path:
    order = PackageOrder(version=version, creators=("A: \"Name\"",), note=f"note {version}")
    write_release_package(results, out, RunFilter(), order, now=NOW, **named)  # type: ignore[arg-type]
    return out


@pytest.fixture
def package(tmp_path: Path) -> Path:
    store(tmp_path / "results", 1, 2, 3)
    return make(tmp_path / "results", tmp_path / "package")


def rows(package: Path, table: str) -> list[dict[str, str]]:
    with (package / "data" / f"{table}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


def test_tables_hold_what_is_released_and_refer_to_the_same_runs(package: Path) -> None:
    names = {row["run_id"] for row in rows(package, "runs")}
    assert len(names) == 3
    for table, columns in RELEASED.items():
        found = rows(package, table)
        assert set(found[0]) == set(columns)
        assert {row["run_id"] for row in found} == names
    seen = {row["observation_id"] for row in rows(package, "observations")}
    assert {name for row in rows(package, "verdicts") for name in row["evidence"].split(";") if name} <= seen


def test_nothing_names_the_installation(package: Path) -> None:
    for path in package.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert SECRET.encode() not in content
            assert b"run-RU" not in content
            assert b"06:12" not in content


def test_checksums_cover_every_other_file(package: Path) -> None:
    split = [line.split("  ", 1) for line in (package / SUMS_FILE).read_text().splitlines()]
    lines = {name: digest for digest, name in split}
    files = {path.relative_to(package).as_posix(): path for path in package.rglob("*") if path.is_file()}
    assert set(lines) == set(files) - {SUMS_FILE}
    assert all(hashlib.sha256(files[name].read_bytes()).hexdigest() == digest for name, digest in lines.items())


def test_counts_told_are_those_of_the_files(package: Path) -> None:
    told = json.loads((package / "provenance.json").read_text())
    assert {name: table["rows"] for name, table in told["tables"].items()} == {
        name: len(rows(package, name)) for name in RELEASED}
    (revision,) = read_revisions(package)
    assert set(revision.tables["verdicts"].days) == {"2017-05-01", "2017-05-02", "2017-05-03"}
    assert told["runs"] == {"released": 3, "held_back": 0, "partial": 1}


def test_parquet_holds_the_same_rows(package: Path) -> None:
    import pyarrow.parquet as parquet

    for table in RELEASED:
        found = parquet.read_table(package / "data" / f"{table}.parquet")
        assert found.column("run_id").to_pylist() == [row["run_id"] for row in rows(package, table)]


@pytest.mark.slow
def test_frictionless_finds_nothing_wrong(package: Path) -> None:
    if not (VALIDATORS / "frictionless").is_dir():
        pytest.importorskip("frictionless", reason="needs requirements/validators.txt, or the extra `validators`")
    program = ("import sys, frictionless\n"
               "report = frictionless.validate('datapackage.json', type='package')\n"
               "print(report.flatten(['rowNumber', 'fieldName', 'type', 'note']), report.errors)\n"
               "sys.exit(not report.valid)")
    ran = run_there(program, package)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (package / "data" / "verdicts.csv").write_bytes((package / "data" / "verdicts.csv").read_bytes() + b"x\r\n")
    assert run_there(program, package).returncode == 1


@pytest.mark.slow
def test_croissant_finds_nothing_wrong_and_gives_the_rows(package: Path) -> None:
    pytest.importorskip("mlcroissant", reason="needs the extra `validators`")
    program = ("import mlcroissant\n"
               "data = mlcroissant.Dataset('croissant.json')\n"
               "assert not data.metadata.ctx.issues.errors, data.metadata.ctx.issues.report()\n"
               "for name in ('runs', 'verdicts'): print(len(list(data.records(name))))")
    ran = run_there(program, package)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.split() == [str(len(rows(package, name))) for name in ("runs", "verdicts")]


VALIDATORS = Path(sys.prefix, "validators")
"""Where the Makefile installs frictionless, apart from what is tested."""


def run_there(program: str, package: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own: these libraries bring much, and may ask for things outside."""
    return subprocess.run([sys.executable, "-c", program], cwd=package, capture_output=True, text=True, timeout=240,
                          env=os.environ | {"no_proxy": "*", "PYTHONPATH": str(VALIDATORS)})


def test_deposit_and_citation_say_the_same(package: Path) -> None:
    zenodo = json.loads((package / ".zenodo.json").read_text())
    cited = {key: json.loads(value) if value[0] in '["{' else value
             for key, value in (line.split(": ", 1) for line in (package / "CITATION.cff").read_text().splitlines())}
    assert zenodo["creators"] == cited["authors"] == [{"name": 'A: "Name"'}]
    assert (zenodo["version"], zenodo["upload_type"]) == (cited["version"], cited["type"]) == ("1", "dataset")


def test_a_revision_carries_the_history_on(package: Path, tmp_path: Path) -> None:
    store(tmp_path / "results", 4)
    store(tmp_path / "results", 2, cc="IR")
    shutil.rmtree(tmp_path / "results" / "runs" / "date=2017-05-01")
    second = make(tmp_path / "results", tmp_path / "second", "2", previous=package)
    assert [revision.version for revision in read_revisions(second)] == ["1", "2"]
    newest, oldest = (second / "CHANGES.md").read_text().split("## ")[1:]
    assert (newest[0], oldest[0]) == ("2", "1")
    told = [line.strip(" -.").split(": ") for line in newest.splitlines() if line.startswith("  - days")]
    days = {words.split()[1]: day for words, day in told}
    assert days == {"added": "2017-05-04", "removed": "2017-05-01", "with": "2017-05-02"}


def test_what_was_released_never_changes(package: Path, tmp_path: Path) -> None:
    before = (package / SUMS_FILE).read_bytes()
    with pytest.raises(StoreError, match="is there already"):
        make(tmp_path / "results", package)
    with pytest.raises(StoreError, match="was released already"):
        make(tmp_path / "results", tmp_path / "again", "1", previous=package)
    assert (package / SUMS_FILE).read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"results", "package"}


@given(st.one_of(st.binary(max_size=60), st.sampled_from((b"[]", b"{}", b'[{"version":1}]', b"[" * 5000))))
def test_a_history_that_is_none_is_told(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    folder = tmp_path_factory.mktemp("history")
    (folder / REVISIONS_FILE).write_bytes(raw)
    with pytest.raises(StoreError):
        read_revisions(folder)


def test_a_damaged_table_leaves_no_package(tmp_path: Path) -> None:
    store(tmp_path / "results", 1, 2)
    next((tmp_path / "results").glob("verdicts/*/*.csv")).write_bytes(b"\xff")
    with pytest.raises(StoreError, match="csv"):
        make(tmp_path / "results", tmp_path / "package")
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_the_publisher_says_version_licence_and_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store(tmp_path / "results", 1)
    ran = CliRunner().invoke(cli, ("export", "results", "--format", "package", "--release", "-o", "new",
                                   "--release-version", "7.1", "--licence", "CC0-1.0", "--note", "The first one."))
    assert ran.exit_code == 0, ran.output
    described = json.loads((tmp_path / "new" / "datapackage.json").read_text())
    assert (described["version"], described["licenses"][0]["name"]) == ("7.1", "CC0-1.0")
    assert "The first one." in (tmp_path / "new" / REVISIONS_FILE).read_text()


@pytest.mark.parametrize(("arguments", "code"), [
    (("--format", "package", "--release"), EXIT_USAGE), (("--format", "package", "-o", "new"), EXIT_USAGE),
    (("--format", "package", "--release", "-o", "new", "--table", "runs"), EXIT_USAGE),
    (("--format", "package", "--release", "-o", "new", "--creator", "a\nb"), EXIT_USAGE),
    (("--creator", "A"), EXIT_USAGE), (("--format", "package", "--release", "-o", "new", "--country", "XX"), 1),
    (("--format", "package", "--release", "-o", "new"), 0),
])
def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int) -> None:
    monkeypatch.chdir(tmp_path)
    store(tmp_path / "results", 1)
    ran = CliRunner().invoke(cli, ("export", "results", *arguments))
    assert ran.exit_code == code, ran.output
    assert (tmp_path / "new").is_dir() == (code == 0)
    if code == 0:
        assert json.loads((tmp_path / "new" / ".zenodo.json").read_text())["creators"] == [{"name": ANONYMOUS}]


def test_validators_are_no_part_of_an_export() -> None:
    importlib.import_module("probe_analysis.cli.export")
    done = subprocess.run([sys.executable, "-c", "import sys, probe_analysis.cli.export; print(*sys.modules)"],
                          capture_output=True, text=True, check=True)
    assert not {"frictionless", "mlcroissant", "pandas"} & set(done.stdout.split())
