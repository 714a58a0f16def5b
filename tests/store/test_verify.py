"""`probe verify`: what is damaged is told, and mended from the twin form."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from probe.cli.main import cli
from probe.core.observations import KeptPacket
from probe.store.archive.compaction import compact_days
from probe.store.runs.run_reader import read_runs
from probe.store.runs.run_writer import write_run
from probe.store.schema import TABLES
from probe.store.verification.folder_checks import check_folder
from probe.store.verification.folder_verification import verify_folder
from signed_runs import signed_days
from stored import a_result

DAY = "date=2017-05-04"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def run_verify(*arguments: str | Path) -> tuple[int, dict[str, object]]:
    done = CliRunner().invoke(cli, ["verify", "--json", *map(str, arguments)])
    return done.exit_code, json.loads(done.output)["folders"][0]


def change_digit(path: Path) -> None:
    """As a volunteer might who mends a figure by hand."""
    text = path.read_bytes()
    assert b"64500" in text
    path.write_bytes(text.replace(b"64500", b"64501", 1))


def test_a_changed_digit_is_noticed_and_mended(tmp_path: Path) -> None:
    before = signed_days(tmp_path / "in", parquet=True)
    assert run_verify(tmp_path / "in")[0] == 0
    path = tmp_path / "in" / "verdicts" / DAY / "r-a.csv"
    whole = path.read_bytes()
    change_digit(path)
    damaged = path.read_bytes()
    code, told = run_verify(tmp_path / "in")
    (found,) = told["damaged"]  # type: ignore[misc]
    assert "verdicts" in found.pop("reason")  # type: ignore[has-type]
    assert (code, found) == (1, {  # type: ignore[has-type]
        "day": "2017-05-04", "form": "csv", "run_id": "r-a", "state": "damaged", "tables": ["verdicts"]})
    assert told["tables"]["csv"]["verdicts"] == {"signed": 1, "damaged": 1}  # type: ignore[index]
    code, told = run_verify(tmp_path / "in", "--repair")
    assert (code, told["repaired"]) == (0, [str(path)])
    assert path.read_bytes() == whole
    assert path.with_name("r-a.csv.damaged").read_bytes() == damaged
    assert {result.run.run_id: result for result in read_runs(tmp_path / "in")} == before


def test_what_has_no_twin_is_told_and_left(tmp_path: Path) -> None:
    signed_days(tmp_path / "in", parquet=False)
    path = tmp_path / "in" / "verdicts" / DAY / "r-a.csv"
    change_digit(path)
    damaged = path.read_bytes()
    code, told = run_verify(tmp_path / "in", "--repair")
    assert (code, told["repaired"]) == (1, [])
    assert path.read_bytes() == damaged
    assert not list(path.parent.glob("*.damaged"))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def empty(path: Path) -> None:
    path.write_bytes(b"")


BY_RUNS = {(which, merged) for merged in (False, True) for which in ("runs/*/*.csv", "parquet/runs/*/*.parquet")}
"""A run is there once its runs file is, in each form: without it nothing tells that there was one."""


@pytest.mark.parametrize("spoil", [cut, empty, os.unlink])
@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("which", ["observations/*/*.csv", "runs/*/*.csv", "parquet/services/*/*.parquet",
                                   "parquet/runs/*/*.parquet", "verdicts/*/*.runs", "runs/*/*.runs"])
def test_every_file_is_mended_from_its_twin(tmp_path: Path, which: str, merged: bool,
                                            spoil: Callable[[Path], None]) -> None:
    folder = tmp_path / "in"
    before = signed_days(folder, parquet=True)
    if merged:
        compact_days(folder, today=date(2017, 5, 9), parquet=True)
    files = sorted(folder.glob(which))
    if not files:
        assert which.endswith(".runs")
        return
    spoil(files[0])
    if spoil is os.unlink and (which, merged) in BY_RUNS:
        return
    assert not verify_folder(folder).whole
    assert verify_folder(folder, repair=True).whole
    assert {result.run.run_id: result for result in read_runs(folder)} == before
    assert verify_folder(folder).runs["parquet"]["signed"] == 2
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o600}


def test_packets_are_verified(tmp_path: Path) -> None:
    packet = KeptPacket(observation_id="r-a.1", at_s=1.0, outbound=True, length=6, data=b"packet")
    signed_days(tmp_path / "in", parquet=False, packets=(packet,))
    (path, *_) = sorted((tmp_path / "in" / "packets").rglob("*.pcapng"))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"packet", b"pocket"))
    (found,) = verify_folder(tmp_path / "in").damaged
    assert found.check.tables == ("packets",)
    path.unlink()
    assert verify_folder(tmp_path / "in").whole


def test_old_results_are_unsigned_and_read_to_their_ends(tmp_path: Path) -> None:
    write_run(a_result("r-old"), tmp_path / "in", parquet=True)
    code, told = run_verify(tmp_path / "in")
    assert (code, told["runs"]) == (0, {"csv": {"unsigned": 1}, "parquet": {"unsigned": 1}})
    cut(tmp_path / "in" / "verdicts" / DAY / "r-old.csv")
    assert run_verify(tmp_path / "in")[0] == 1


def test_what_was_verified_is_remembered_by_its_files(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "in"
    signed_days(folder, parquet=False)
    for path in folder.rglob("*.csv"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    assert check_folder(folder).counts == {"signed": 2}
    path = folder / "verdicts" / DAY / "r-a.csv"
    change_digit(path)
    assert check_folder(folder).counts == {"signed": 1, "damaged": 1}
    for kept in cache.rglob("*.json"):
        kept.write_bytes(b"[" * 100_000)
    assert check_folder(folder).counts == {"signed": 1, "damaged": 1}
    assert set(TABLES) == {path.name for path in folder.iterdir()}


def test_damaged_files_beside_go_with_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    folder = tmp_path / "in"
    signed_days(folder, parquet=True)
    for _ in range(2):
        change_digit(folder / "verdicts" / DAY / "r-a.csv")
        assert verify_folder(folder, repair=True).whole
    assert len(list(folder.rglob("*.damaged*"))) == 2
    CliRunner().invoke(cli, ["report", str(folder)])
    assert CliRunner().invoke(cli, ["forget", str(folder), "--yes"]).exit_code == 0
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
