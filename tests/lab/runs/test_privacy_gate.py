"""Nothing that a volunteer is called stands in what the probe writes, sends or publishes.

The names are the system's own, in a world made for this: account, host, home folder, time zone, addresses, card.
"""

from __future__ import annotations

import base64
import gzip
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mark_search import Mark, MarkKind, find_marks, search_folder

PROGRAM = Path(__file__).parent.parent / "helpers" / "marked_volunteer.py"
KINDS: tuple[MarkKind, ...] = get_args(MarkKind)
NAMES: frozenset[MarkKind] = frozenset({"user", "home"})
"""What a person at a terminal is told, so as to find the files."""
RESOLVER: frozenset[MarkKind] = frozenset({"resolver"})
ALLOWED: dict[str, frozenset[MarkKind]] = {
    "out/said": NAMES | RESOLVER,
    "out/written": RESOLVER,
    "out/sent": RESOLVER,
    "out/published": frozenset(),
    "out/submitted": frozenset(),
    "results": RESOLVER,
}
"""Folder -> what may stand in it, as docs/safety.md tells: the network's resolver in results, and where they go."""


@dataclass(frozen=True)
class Volunteer:
    """What is left of the run of all commands."""

    folder: Path
    marks: tuple[Mark, ...]

    def of(self, *kinds: MarkKind) -> tuple[Mark, ...]:
        return tuple(mark for mark in self.marks if mark.kind in kinds)


@pytest.fixture(scope="module")
def volunteer(tmp_path_factory: pytest.TempPathFactory) -> Volunteer:
    folder = tmp_path_factory.mktemp("marked")
    done = subprocess.run([sys.executable, str(PROGRAM), str(folder)], capture_output=True, text=True, check=False,
                          timeout=280, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    marks = msgspec.json.decode(done.stdout.splitlines()[-1], type=tuple[Mark, ...])
    (home,) = (Path(mark.text) for mark in marks if mark.kind == "home")
    (home / "probe-results").rename(folder / "results")
    return Volunteer(folder, marks)


@pytest.mark.lab
@pytest.mark.slow
@pytest.mark.timeout(300)
class TestOutputs:
    @pytest.mark.parametrize("where", ALLOWED)
    def test_no_mark_stands_where_it_may_not(self, volunteer: Volunteer, where: str) -> None:
        looked_at = [path for path in (volunteer.folder / where).rglob("*") if path.is_file()]
        assert len(looked_at) >= 3
        forbidden = volunteer.of(*(kind for kind in KINDS if kind not in ALLOWED[where]))
        assert search_folder(volunteer.folder / where, forbidden) == []

    def test_what_is_allowed_is_there_so_that_the_search_sees_it(self, volunteer: Volunteer) -> None:
        assert search_folder(volunteer.folder / "out/said", volunteer.of("user"))
        assert search_folder(volunteer.folder / "results", volunteer.of("resolver"))

    def test_no_name_goes_over_the_line(self, volunteer: Volunteer) -> None:
        names = volunteer.of("user", "host", "home", "network_name")
        assert search_folder(volunteer.folder / "wires", names) == []
        assert search_folder(volunteer.folder / "wires", volunteer.of("address"))

    def test_packets_were_captured_and_the_block_was_found(self, volunteer: Volunteer) -> None:
        assert list((volunteer.folder / "results").rglob("*.pcapng"))
        files = (volunteer.folder / "results" / "verdicts").rglob("*.csv")
        assert any("tls.reset.sni" in path.read_text() for path in files)


USER, HOME4, CARD = Mark(kind="user", text="gerhild7q"), Mark(kind="address", text="100.90.0.2"), Mark(
    kind="card", text="02:42:ac:11:00:02")
HOME6 = Mark(kind="address", text="2001:db8:1::2")


def parquet(data: bytes) -> bytes:
    """A Parquet file with a cell of it."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"cell": [data]}), sink, compression="zstd")
    return bytes(sink.getvalue())


@pytest.mark.parametrize("pack", [
    bytes, gzip.compress, zlib.compress, parquet, base64.b64encode, lambda data: gzip.compress(gzip.compress(data)),
    lambda data: b"<img src='data:image/png;base64," + base64.b64encode(gzip.compress(data)) + b"'>",
], ids=["plain", "gzip", "zlib", "parquet", "base64", "twice", "in a page"])
@pytest.mark.parametrize(("mark", "form"), [
    (USER, b"/home/gerhild7q/x"), (USER, b"GERHILD7Q"), (USER, b"%67%65%72%68%69%6C%64%37%71"),
    (USER, b"67657268696c643771"), (USER, base64.b64encode(b"to gerhild7q, hello")),
    (USER, base64.b64encode(b"ab gerhild7q")), (USER, base64.b64encode(b"a gerhild7q.")),
    (USER, "gerhild7q".encode("utf-16-le")), (HOME4, b"\x64\x5a\x00\x02"), (HOME4, b"645a0002"),
    (HOME4, b"your-address-100-90-0-2.example"), (HOME4, b"1683619842"),
    (HOME6, b"2001:0DB8:0001:0000:0000:0000:0000:0002"),
    (CARD, b"02-42-AC-11-00-02"), (CARD, b"0242ac110002"), (CARD, b"\x02\x42\xac\x11\x00\x02"),
])
def test_the_search_finds_a_mark_in_every_form_and_packing(pack: Callable[[bytes], bytes], mark: Mark,
                                                           form: bytes) -> None:
    assert mark in find_marks(pack(b"some text " + form + b" and more"), (mark,))
    assert not find_marks(pack(b"some text and more"), (mark,))
