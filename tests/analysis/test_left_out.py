"""Every command that reads runs leaves out what is not as it was signed, and says so."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from probe.cli.main import cli
from probe.core.tables.run_words import CUT_SHORT
from probe.store.archive.compaction import compact_days
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import read_run, read_runs
from probe.store.runs.run_writer import write_run
from probe.upkeep.upload.parcel import pack_run
from probe_analysis.open_results import open_results
from signed_runs import KEY, named, signed_days
from stored import a_result

DAY = "date=2017-05-04"


def damage(folder: Path) -> None:
    path = folder / "verdicts" / DAY / "r-a.csv"
    path.write_bytes(path.read_bytes().replace(b",ok,", b",blocked,"))


def forge(folder: Path) -> None:
    result = read_run(folder, "r-a")
    for path in folder.rglob("r-a.csv"):
        path.unlink()
    write_run(replace(result, verdicts=()), folder, parquet=False)


def tear(folder: Path) -> None:
    path = folder / "runs" / DAY / "r-a.csv"
    path.write_bytes(path.read_bytes()[:-30])


@pytest.fixture(params=[damage, forge, tear])
def spoilt(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of r-a, which is damaged, r-b, and r-old, which is unsigned."""
    spoil: Callable[[Path], None] = request.param
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "in"
    signed_days(folder, parquet=False)
    write_run(a_result("r-old"), folder, parquet=False)
    spoil(folder)
    return folder


def call(*arguments: str | Path) -> Result:
    done = CliRunner().invoke(cli, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done


def test_export(spoilt: Path, tmp_path: Path) -> None:
    told = call("export", spoilt, "-o", tmp_path / "out.csv").output
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [row["run_id"] for row in csv.DictReader(file)] == ["r-b", "r-old"]
    assert "1 run, damaged" in told
    assert "r-a" in told
    assert "probe verify" in told


def test_export_of_a_package(spoilt: Path, tmp_path: Path) -> None:
    told = call("export", spoilt, "--release", "--format", "package", "-o", tmp_path / "out").output
    with (tmp_path / "out" / "data" / "runs.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 2
    assert "1 run, damaged" in told
    assert "r-a" in told
    assert "probe verify" in told


def test_report(spoilt: Path, tmp_path: Path) -> None:
    told = json.loads(call("report", spoilt, "-o", tmp_path / "report.html", "--json").output)["signatures"]
    assert told["counts"] == {"damaged": 1, "signed": 1, "unsigned": 1}
    assert list(told["left_out"]) == ["r-a"]
    notes = [note for note in re.findall('<p class="note">([^<]*)</p>', (tmp_path / "report.html").read_text())
             if "1 run" in note]
    assert len(notes) == 2  # one was left out, one is unsigned


def test_analyse(spoilt: Path, tmp_path: Path) -> None:
    done = json.loads(call("analyse", spoilt, "--out", tmp_path / "cells", "--rejected", tmp_path / "left.csv",
                           "--json").output)
    assert done["runs"] == 2
    assert sum(done["rejected"].values()) >= 2
    assert done["used"]["verdicts"] == 2
    assert done["signatures"] == {"damaged": 1, "signed": 1, "unsigned": 1}
    with (tmp_path / "left.csv").open(newline="") as file:
        assert {row["reason"] for row in csv.DictReader(file)} in ({"signature"}, {"torn", "unfinished"})


def test_a_damaged_copy_elsewhere_strikes_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    signed_days(tmp_path / "in" / "honest", parquet=False)
    signed_days(tmp_path / "in" / "liar", parquet=False)
    damage(tmp_path / "in" / "liar")
    done = json.loads(call("analyse", tmp_path / "in", "--out", tmp_path / "cells", "--json").output)
    assert done["used"]["verdicts"] == 2


def test_a_notebook(spoilt: Path) -> None:
    results = open_results(spoilt)
    assert sorted(results.verdicts()["run_id"]) == ["r-b", "r-old"]
    assert any("r-a" in line for line in results.problems)


def test_the_charts_of_a_notebook(spoilt: Path) -> None:
    assert open_results(spoilt).charts.draw_services(64500).svg
    for path in (*spoilt.rglob("r-b.csv"), *spoilt.rglob("r-old.csv")):
        path.unlink()
    results = open_results(spoilt)
    with pytest.raises(StoreError):  # of the run that is left nobody knows what it measured
        _ = results.charts


def test_compact(spoilt: Path) -> None:
    done = compact_days(spoilt, today=date(2017, 5, 9))
    assert done.runs == 2
    assert any("r-a" in line for line in done.kept)
    assert list((spoilt / "verdicts" / DAY).glob("r-*.csv")) == [spoilt / "verdicts" / DAY / "r-a.csv"]


def test_upload(spoilt: Path) -> None:
    with pytest.raises(StoreError):
        pack_run(spoilt, "2017-05-04", "r-a")
    assert pack_run(spoilt, "2017-05-04", "r-b").content


def test_collect(spoilt: Path, tmp_path: Path) -> None:
    told = json.loads(call("collect", spoilt, "-o", tmp_path / "out", "--json").output)
    assert [Path(found["path"]).stem for found in told["refused"]
            if found["path"].startswith(str(spoilt / "runs"))][:1] == ["r-a"]
    assert "r-a" not in {result.run.run_id for result in read_runs(tmp_path / "out")}


@pytest.mark.parametrize("parquet", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_partial_runs_are_counted_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parquet: bool,
                                            signed: bool) -> None:
    """A gap in verdicts is no gap in measuring; what was found is the same once it comes from the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    signed_days(tmp_path / "in", parquet=parquet)
    cut = named(a_result("r-cut")) if signed else a_result("r-cut")
    cut = replace(cut, verdicts=(), services=(), run=replace(cut.run, conditions=(CUT_SHORT,)))
    write_run(cut, tmp_path / "in", parquet=parquet, signer=KEY if signed else None)
    for old in (path for path in (tmp_path / "in").rglob("*") if path.is_file()):
        os.utime(old, (1_500_000_000, 1_500_000_000))
    for _ in range(2):
        done = json.loads(call("analyse", tmp_path / "in", "--out", tmp_path / "cells", "--json").output)
        assert (done["partial_runs"], done["runs"]) == (1, 3)
    told = json.loads(call("report", tmp_path / "in", "-o", tmp_path / "report.html", "--json").output)["signatures"]
    assert (told["partial"], told["left_out"]) == (1, {})
    notes = re.findall('<p class="note">([^<]*)</p>', (tmp_path / "report.html").read_text())
    assert sum("1 run" in note for note in notes) == 2 - signed  # the other one says that it is unsigned
