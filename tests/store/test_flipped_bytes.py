"""A byte is changed in every kind of file: either somebody is told, or every row is as it was."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from probe.core.observations import KeptPacket
from probe.core.runs import RunResult
from probe.store.archive.compaction import compact_days
from probe.store.files.atomic import StoreError
from probe.store.files.parquet_rows import read_parquet
from probe.store.runs.run_reader import read_runs, stored_runs, whole
from probe.store.schema import TABLES
from probe.store.verification.folder_checks import check_folder
from probe.store.verification.folder_verification import verify_folder
from signed_runs import signed_days
from suite_seed import SUITE_SEED

KINDS = {
    **{f"{name}, CSV": (f"{name}/*/r-a.csv", False) for name in TABLES},
    **{f"{name}, Parquet": (f"parquet/{name}/*/r-a.parquet", False) for name in TABLES},
    "packets": ("packets/*/r-a.pcapng", False),
    **{f"{name}, merged CSV": (f"{name}/*/day@*.csv", True) for name in ("observations", "verdicts", "runs")},
    "observations, list of a merged file": ("observations/*/day@*.runs", True),
    "runs, list of a merged file": ("runs/*/day@*.runs", True),
    "runs, merged Parquet": ("parquet/runs/*/day@*.parquet", True),
    "observations, merged Parquet": ("parquet/observations/*/day@*.parquet", True),
}
PACKET = KeptPacket(observation_id="r-a.1", at_s=1.0, outbound=True, length=60, data=b"E" * 60)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """A folder of two signed runs, and the same folder merged."""
    plain = tmp_path_factory.mktemp("plain")
    signed_days(plain, parquet=True, packets=(PACKET,))
    merged = tmp_path_factory.mktemp("merged") / "in"
    shutil.copytree(plain, merged)
    compact_days(merged, today=date(2017, 5, 9), parquet=True)
    return {False: plain, True: merged}


def parquet_rows(folder: Path) -> list[str]:
    return sorted((str(row) for name, table in TABLES.items() for path in (folder / "parquet" / name).rglob("*.parquet")
                   for row in read_parquet(path, table)))


def check_oracle(folder: Path, before: dict[str, RunResult], rows: list[str]) -> bool:
    """Whether the change was told; where it was not, everything is as it was. What readers take is so in any case."""
    checks = check_folder(folder)
    try:
        read = {run.run_id: whole(folder, run) for run in stored_runs(folder, without=checks.unusable)}
    except StoreError:
        read = {}
        assert not verify_folder(folder).whole
    assert all(before[run_id] == result for run_id, result in read.items())
    if not verify_folder(folder).whole:
        return True
    assert not checks.unusable
    assert {result.run.run_id: result for result in read_runs(folder)} == before
    assert parquet_rows(folder) == rows
    return False


def flip(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def judge(originals: dict[bool, Path], tmp_path: Path, kind: str, times: int,
          spoil: Callable[[Path, random.Random], None] = flip) -> int:
    which, merged = KINDS[kind]
    original = originals[merged]
    before = {result.run.run_id: result for result in read_runs(original)}
    rows = parquet_rows(original)
    draw = random.Random(f"{SUITE_SEED} {kind}")
    folder = tmp_path / "in"
    shutil.copytree(original, folder)
    (path,) = folder.glob(which)
    content = path.read_bytes()
    told = 0
    for _ in range(times):
        spoil(path, draw)
        told += check_oracle(folder, before, rows)
        path.write_bytes(content)
    return told


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_is_told_or_harmless(originals: dict[bool, Path], tmp_path: Path, kind: str,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    told = judge(originals, tmp_path, kind, 12)
    assert told >= (0 if "Parquet" in kind else 6)  # Parquet's footers hold much that no row rests on


def test_a_damaged_page_ends_no_rows_in_silence(originals: dict[bool, Path], tmp_path: Path) -> None:
    """Some bits of a page's head make the library end the rows there, and say nothing."""
    (original,) = originals[False].glob("parquet/verdicts/*/r-a.parquet")
    content, path = original.read_bytes(), tmp_path / "x.parquet"
    rows = list(read_parquet(original, TABLES["verdicts"]))
    told = 0
    for at in range(4, 60):
        for bit in range(8):
            path.write_bytes(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1:])
            try:
                found = list(read_parquet(path, TABLES["verdicts"]))
            except StoreError:
                told += 1
            else:
                assert found == rows, (at, bit)
    assert told > 100


def test_a_parquet_file_of_runs_without_a_run_is_told(originals: dict[bool, Path], tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(originals[False], tmp_path / "in")
    (path,) = (tmp_path / "in").glob("parquet/runs/*/r-a.parquet")
    pq.write_table(pq.read_table(path, partitioning=None).slice(0, 0), path)
    assert not verify_folder(tmp_path / "in").whole


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_many_flipped_bits_are_told_or_harmless(originals: dict[bool, Path], tmp_path: Path, kind: str,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    judge(originals, tmp_path, kind, 60)
