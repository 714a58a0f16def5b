"""Folders, archives and packed files: what is in them is read, and faults are named."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ooni_data import lines, measurement
from probe.store.files.tar_members import BLOCK
from probe_analysis.imported.imported_measurement import ImportedMeasurement
from probe_analysis.imported.measurement_lines import ReadTrouble
from probe_analysis.imported.measurement_stream import list_measurement_files, read_measurement_stream

TWO = lines(measurement(measurement_uid="a"), measurement(measurement_uid="b"))


def archive(**members: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        tar.addfile(tarfile.TarInfo("x" * 200))  # a header that describes another
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return made.getvalue()


def read(data: bytes) -> list[object]:
    return list(read_measurement_stream(io.BufferedReader(io.BytesIO(data))))


def sources(data: bytes) -> list[str]:
    return [one.source for one in read(data) if isinstance(one, ImportedMeasurement)]


@pytest.mark.parametrize("data", [
    TWO, gzip.compress(TWO), archive(a=TWO), gzip.compress(archive(a=TWO)), archive(a=gzip.compress(TWO)),
    archive(a=lines(measurement(measurement_uid="a")), b=gzip.compress(lines(measurement(measurement_uid="b")))),
])
def test_measurements_are_read_however_they_are_packed(data: bytes) -> None:
    assert sources(data) == ["a", "b"]


@pytest.mark.parametrize("kind", ["zstd", "lz4"])
def test_arrow_unpacks_what_python_does_not(kind: str) -> None:
    arrow = pytest.importorskip("pyarrow")
    made = arrow.BufferOutputStream()
    with arrow.CompressedOutputStream(made, kind) as packed:
        packed.write(archive(a=TWO))
    data = made.getvalue().to_pybytes()
    assert sources(data) == ["a", "b"]
    assert all(isinstance(one, ReadTrouble) for one in read(data[:-9])[2:])
    assert any(isinstance(one, ReadTrouble) for one in read(data[:20]))


def test_an_archive_in_an_archive_is_told_and_not_read() -> None:
    found = read(archive(a=archive(b=TWO), c=TWO))
    assert [type(one) for one in found] == [ReadTrouble, ImportedMeasurement, ImportedMeasurement]


@given(st.integers(0, 1 << 20))
def test_an_archive_that_is_cut_off_gives_what_came_before(cut: int) -> None:
    whole = archive(a=TWO)
    found = read(whole[: cut % len(whole)])
    assert all(isinstance(one, ReadTrouble) for one in found[2:])
    if cut % len(whole) >= BLOCK + len(TWO):
        assert len([one for one in found if isinstance(one, ImportedMeasurement)]) == 2
    else:
        assert cut % len(whole) == 0 or any(isinstance(one, ReadTrouble) for one in found)


@given(st.binary(min_size=12, max_size=12), st.binary(min_size=1, max_size=1))
def test_whatever_size_and_kind_a_header_names_is_bounded(size: bytes, kind: bytes) -> None:
    head = bytearray(archive(a=TWO))
    head[124:136], head[156:157] = size, kind
    assert len(read(bytes(head))) <= 8


def test_folders_are_gone_through_in_order_but_for_links_and_hidden_files(tmp_path: Path) -> None:
    for name in ("b/2.jsonl", "a/1.jsonl", "a/.hidden", "c.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(TWO)
    (tmp_path / "d").symlink_to(tmp_path)
    (tmp_path / "e.jsonl").symlink_to(tmp_path / "c.jsonl")
    found = [str(Path(name).relative_to(tmp_path)) for name in list_measurement_files([str(tmp_path)])]
    assert found == ["a/1.jsonl", "b/2.jsonl", "c.jsonl"]
    assert list(list_measurement_files(["-", "missing"])) == ["-", "missing"]
