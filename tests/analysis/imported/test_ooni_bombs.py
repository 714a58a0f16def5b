"""Small files that want much memory: each is refused with a word or read, in 200 MB, and says little."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ooni_data import measurement

CHILD = Path(__file__).parent / "helpers" / "bomb_child.py"
MOST_MB = 200
MOST_LETTERS = 20_000
M = 1 << 20
HEADER = b"measurement_uid,test_name,measurement_start_time,probe_asn,probe_cc,tcp_failure\n"
Bomb = Iterable[bytes]


def keys(inner: str) -> bytes:
    """A measurement with these test keys."""
    return json.dumps(measurement() | {"test_keys": "@"}).replace('"@"', inner).encode()


def wide(entry: str, count: int) -> str:
    """So many times the same."""
    return ",".join([entry] * count)


def many(count: int, value: str) -> str:
    """So many names of an object."""
    return ",".join(f'"{number}":{value}' for number in range(count))


def tar_in_tar() -> bytes:
    """An archive of an archive of an archive of 64 MB of nothing."""
    path = Path("deep.tar")
    path.write_bytes(bytes(64 * M))
    for _ in range(3):
        with tarfile.open("next.tar", "w") as archive:
            archive.add(path)
        Path("next.tar").replace(path)
    return path.read_bytes()


BOMBS: dict[str, tuple[Callable[[], Bomb], str]] = {
    "list of numbers": (lambda: [b"[", b"0," * (7 * M), b"0]"], "commas"),
    "list of questions": (lambda: [keys('{"queries":[' + wide("{}", 4 * M) + "]}")], "objects and lists"),
    "just few enough": (lambda: [keys('{"requests":[' + wide("{}", 490_000) + "]}"), b" " * M], ""),
    "wide annotations": (
        lambda: [keys("{}")[:-1], b',"annotations":{', many(1 * M, '"x"').encode(), b"}}"], "values"),
    "wide headers": (
        lambda: [keys('{"requests":[{"response":{"headers":{' + many(M, '"x"') + "}}}]}")], "values"),
    "nested": (lambda: [b"[" * (12 * M)], "JSON"),
    "nested keys": (lambda: [keys('{"requests":' + "[" * 200_000 + "]" * 200_000 + "}")], ""),
    "one rare letter": (
        lambda: [keys('{"requests":[{"response":{"body":"' + "a" * (15 * M) + '\\ud83d\\ude00"}}]}')], ""),
    "packed thrice": (lambda: [gzip.compress(gzip.compress(bytes(100 * M)))], "JSON"),
    "lists in lines": (lambda: [(b"[" + b"0," * 1000 + b"0]\n") * 100], "not a measurement"),
    "a cell of a table": (lambda: [HEADER, b'"', *[b"x" * M] * 64], "line is longer"),
    "wide rows of a table": (
        lambda: [HEADER, *(b"%d,web_connectivity,2026-08-01 00:00:00,AS1,IR,%b\n" % (n, b"x" * 130_000)
                           for n in range(3000))], ""),
    "rows of a table": (lambda: [HEADER, b"," * (M - 2) + b"\n"], ""),
}
SLOW: dict[str, tuple[Callable[[], Bomb], str]] = {
    "one line of 1 GB": (lambda: [b"x" * M] * 1024, "longer than"),
    "empty lines": (lambda: [b"\n" * M] * 30, ""),
    "archives in archives": (lambda: [tar_in_tar()], "archive in an archive"),
}


def read(path: Path, out: Path) -> dict[str, Any]:
    """What becomes of `probe import ooni`."""
    done = subprocess.run([sys.executable, str(CHILD), "import", "ooni", str(path), "--out", str(out)],
                          capture_output=True, text=True, check=False, timeout=280,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def check(found: dict[str, Any], word: str) -> None:
    """No crash, few words, little memory."""
    assert found["crash"] is None
    assert "Traceback" not in found["text"]
    assert word in found["text"]
    assert found["letters"] < MOST_LETTERS
    assert found["mb"] < MOST_MB


@pytest.mark.parametrize("name", [
    *BOMBS, *(pytest.param(name, marks=[pytest.mark.slow, pytest.mark.long]) for name in SLOW)])
def test_a_packed_bomb_is_read_or_refused_in_little_memory(in_folder: Path, name: str) -> None:
    make, word = (BOMBS | SLOW)[name]
    with gzip.open("bomb.gz", "wb", compresslevel=1) as file:
        for piece in make():
            file.write(piece)
    check(read(in_folder / "bomb.gz", in_folder / "out"), word)


@pytest.mark.parametrize(("letters", "rows", "word"), [
    (2 * M, 20_000, ""), pytest.param(300 * M, 2, "row group", marks=pytest.mark.slow)])
def test_a_parquet_file_with_a_huge_dictionary(in_folder: Path, letters: int, rows: int, word: str) -> None:
    """Every row points to the one text of the dictionary."""
    one = {"measurement_uid": "u", "test_name": "web_connectivity", "measurement_start_time": "2026-08-01 00:00:00",
           "probe_asn": 1, "probe_cc": "IR", "tcp_failure": None}
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * letters]))
    table = pa.table({name: [value] * rows for name, value in one.items()} | {"hostname": texts, "input": texts})
    pq.write_table(table, "bomb.parquet", compression="zstd")
    assert Path("bomb.parquet").stat().st_size < 200_000
    check(read(in_folder / "bomb.parquet", in_folder / "out"), word)
