"""Small files that want much memory, for every command that reads others' files: refused with a word, in little of it.

OONI's files have tests of their own (`tests/analysis/imported/test_ooni_bombs.py`).
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from probe.store.runs.run_writer import write_run
from project_root import ROOT
from signed import OURS
from signed_runs import KEY, named
from stored import a_result

CHILD = ROOT / "tests" / "analysis" / "imported" / "helpers" / "bomb_child.py"
MOST_MB = 200
"""What a command may take beyond what it takes to start; counts, for which pandas alone takes a hundred, and registers,
of which some have tens of megabytes, may take twice as much."""
M = 1 << 20
HEADER = b"time,network,target,n,failed"

Parts = Iterable[bytes]


def put(path: Path, parts: Parts, *, packed: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb", compresslevel=1) if packed else path.open("wb") as file:
        for part in parts:
            file.write(part)
    return path


def counts(parts: Parts) -> tuple[str, ...]:
    put(Path("counts.csv"), parts)
    return "analyse", "counts.csv", "--out", "analysis", "--threads", "1"


def register(form: str) -> Callable[[Parts], tuple[str, ...]]:
    def make(parts: Parts) -> tuple[str, ...]:
        put(Path("list.gz"), parts, packed=True)
        return "registers", f"{form}=list.gz", "--service", "threema", "-o", "listed.csv"
    return make


def collected(table: str) -> Callable[[Parts], tuple[str, ...]]:
    """A volunteer's folder, in which the parts follow the header of one table."""
    def make(parts: Parts) -> tuple[str, ...]:
        write_run(named(a_result("r-a")), Path("in"), parquet=False, signer=KEY)
        (file,) = Path("in", table).rglob("*.csv")
        header = file.read_bytes().partition(b"\r\n")[0] + b"\r\n"
        put(file, [header, *parts])
        return "collect", "in", "-o", "all"
    return make


def archived(parts: Parts) -> tuple[str, ...]:
    put(Path("in", "archives", "date=2017-05-04", "r-a.tgz"), parts, packed=True)
    return "collect", "in", "-o", "all"


def listed(parts: Parts) -> tuple[str, ...]:
    raw = b"".join(parts)
    Path("list.json").write_bytes(raw)
    Path("list.json.minisig").write_bytes(OURS.sign(raw))
    Path("k.pub").write_text(OURS.public_file)
    return "update", "--from", "list.json", "--key", "k.pub"


def feed(parts: Parts) -> tuple[str, ...]:
    listed(parts)
    Path("probe.toml").write_text(f'[[feed]]\nurls = ["list.json"]\nkey = "{OURS.public_line}"\n')
    return "update", "feeds", "--config", "probe.toml"


BOMBS: dict[str, tuple[Callable[[Parts], tuple[str, ...]], Callable[[], Parts]]] = {
    "counts, columns": (counts, lambda: [HEADER, b"," * 900_000, b"\n2026-01-01,AS1,a,1,0\n"]),
    "counts, a header without end": (counts, lambda: [HEADER, *[b"," * M] * 64]),
    "counts, empty lines": (counts, lambda: [HEADER, b"\n" * (2 * M)]),
    "counts, a cell": (counts, lambda: [HEADER, b'\n2026-01-01,AS1,"', *[b"x" * M] * 32, b'",1,0\n']),
    "register, numbers": (register("ua"), lambda: [b"[", b"0," * M, b"0]"]),
    "register, nested": (register("ua"), lambda: [b"[" * (12 * M)]),
    "register, packed twice": (register("zi"), lambda: [gzip.compress(bytes(100 * M))]),
    "register, entities": (register("rkn"), lambda: [
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a0 "' + b"x" * 1000 + b'">',
        *(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 8)), b"]><a>&a7;</a>"]),
    "collect, a cell": (collected("observations"), lambda: [b'"', *[b"x" * M] * 64, b'"']),
    "collect, a line of commas": (collected("observations"), lambda: [b"," * (32 * M)]),
    "collect, nothing packed": (archived, lambda: [bytes(M)] * 300),
    "collect, packed twice": (archived, lambda: [gzip.compress(bytes(300 * M))]),
    "list, nested": (listed, lambda: [b'{"policy":' * 400_000]),
    "list, objects": (listed, lambda: [b'{"format":1,"x":[', b"{}," * M, b"{}]}"]),
    "feed, nested": (feed, lambda: [b"[" * (4 * M - 1)]),
    "feed, entries": (feed, lambda: [b'{"format":1,"entries":[', b"{}," * M, b"{}]}"]),
}
SLOW: dict[str, tuple[Callable[[Parts], tuple[str, ...]], Callable[[], Parts]]] = {
    "counts, one line of 1 GB": (counts, lambda: [HEADER, b"\n", *[b"x" * M] * 1024]),
    "collect, one line of 1 GB": (collected("verdicts"), lambda: [b"x" * M] * 1024),
    "register, one line of 1 GB": (register("zi"), lambda: [b"x" * M] * 1024),
}


def read(arguments: tuple[str, ...]) -> dict[str, Any]:
    done = subprocess.run([sys.executable, str(CHILD), *arguments], capture_output=True, text=True, check=False,
                          timeout=280, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HOME": os.getcwd()})
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


IN_THE_CHECK = tuple(BOMBS)[::3]


@pytest.mark.slow
@pytest.mark.parametrize("name", [
    *IN_THE_CHECK,
    *(pytest.param(name, marks=pytest.mark.long) for name in (*BOMBS, *SLOW) if name not in IN_THE_CHECK)])
def test_a_bomb_is_refused_in_little_memory(in_folder: Path, name: str) -> None:
    prepare, make = (BOMBS | SLOW)[name]
    found = read(prepare(make()))
    print(f"BOMB {name}: {found['mb']:.0f} MB, {found['text'][:200]!r}")
    assert found["crash"] is None
    assert "Traceback" not in found["text"]
    assert found["text"].strip()
    assert found["letters"] < 20_000
    assert found["mb"] < MOST_MB * (2 if name.startswith(("register", "counts")) else 1)
