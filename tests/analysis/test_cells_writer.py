"""A file of cells that goes on from the one before is the file that is written from nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe_analysis.cells.cell_schema import SCHEMA
from probe_analysis.counting import cells_writer
from probe_analysis.counting.cells_writer import NO_LAYOUT, CellsLayout, open_cells
from probe_analysis.counting.parquet_footer import parse_footer, read_footer_bytes
from probe_analysis.counting.thrift_compact import Field, Items, Struct, read_struct, write_struct

GROUP = 50


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells_writer, "GROUP_ROWS", GROUP)


def cells(first: int, stop: int, *, ok: int = 1) -> pa.Table:
    """So many rows that differ from one another."""
    return pa.Table.from_pylist([
        {name: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=row) if name == "cell_start" else name == "lab"
         if SCHEMA.field(name).type == pa.bool_() else f"{name}.{row % 7}" if SCHEMA.field(name).type == pa.string()
         else ok * row * row for name in SCHEMA.names} for row in range(first, stop)], schema=SCHEMA)


def written(path: Path, table: pa.Table, before: CellsLayout = NO_LAYOUT, same: int = 0) -> tuple[CellsLayout, int]:
    """Writes cells of which the first are as they were; the layout, and how many were kept."""
    with open_cells(path, before, same) as writer:
        writer.add(table.slice(writer.kept_rows))
        kept = writer.kept_rows
    return writer.layout, kept


@pytest.mark.parametrize(("size", "same", "more", "kept"), [
    (220, 220, 30, 200), (220, 220, 400, 200), (200, 200, 1, 200), (220, 130, 100, 100), (220, 99, 1, 50),
    (220, 49, 200, 0), (220, 200, 0, 200), (30, 30, 30, 0), (0, 0, 120, 0), (900, 899, 60, 850),
], ids=str)
def test_what_is_as_it_was_is_kept_and_the_file_is_that_from_nothing(
    tmp_path: Path, size: int, same: int, more: int, kept: int,
) -> None:
    path, whole = tmp_path / "cells.parquet", tmp_path / "whole.parquet"
    layout, _ = written(path, cells(0, size))
    table = pa.concat_tables([cells(0, same), cells(same, same + more, ok=3)])
    layout, found = written(path, table, layout, same)
    assert found == kept
    assert written(whole, table) == (layout, 0)
    assert path.read_bytes() == whole.read_bytes()
    assert pq.read_table(path, partitioning=None).equals(table)
    assert sorted(tmp_path.iterdir()) == [path, whole]


def test_it_is_what_the_library_writes_by_itself(tmp_path: Path) -> None:
    path, plain = tmp_path / "cells.parquet", tmp_path / "plain.parquet"
    layout, _ = written(path, cells(0, 230))
    written(path, cells(0, 330), layout, 230)
    with pq.ParquetWriter(plain, SCHEMA, compression="zstd") as file:
        for first in range(0, 330, GROUP):
            file.write_table(cells(first, min(330, first + GROUP)))
    assert path.read_bytes() == plain.read_bytes()


def test_a_file_goes_on_again_and_again(tmp_path: Path) -> None:
    path, layout = tmp_path / "cells.parquet", NO_LAYOUT
    for stop in range(40, 1000, 40):
        layout, kept = written(path, cells(0, stop), layout, stop - 40)
        assert kept == (stop - 40) // GROUP * GROUP
    assert pq.read_table(path, partitioning=None).equals(cells(0, 960))


@pytest.mark.parametrize("harm", ["gone", "cut", "another", "unknown", "of_another_library"])
def test_another_file_is_not_gone_on_from(tmp_path: Path, harm: str) -> None:
    path, whole = tmp_path / "cells.parquet", tmp_path / "whole.parquet"
    layout, _ = written(path, cells(0, 220))
    if harm == "gone":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif harm == "another":
        written(path, cells(0, 220, ok=2))
    elif harm == "unknown":
        layout = NO_LAYOUT
    else:
        old = path.read_bytes().replace(b"parquet-cpp-arrow version", b"parquet-cpp-arrow Version")
        path.write_bytes(old)
        layout = CellsLayout(digest=cells_writer._digest(path), groups=layout.groups)
    assert written(path, cells(0, 260), layout, 220)[1] == 0
    written(whole, cells(0, 260))
    assert path.read_bytes() == whole.read_bytes()


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "cells.parquet"
    layout, _ = written(path, cells(0, 220))
    before = path.read_bytes()

    def fail() -> None:
        with open_cells(path, layout, 220) as writer:
            writer.add(cells(200, 400))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_what_is_no_struct_is_refused(data: bytes) -> None:
    try:
        read_struct(data)
    except ValueError:
        return
    assert data[-1:] == b"\0"


NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1)
LEAVES = st.one_of(
    st.tuples(st.sampled_from([5, 6, 4]), NUMBERS), st.tuples(st.just(8), st.binary(max_size=20)),
    st.tuples(st.just(7), st.binary(min_size=8, max_size=8)), st.sampled_from([(1, 1), (2, 0)]))


def as_struct(told: Sequence[tuple[int, tuple[int, Any]]]) -> Struct:
    """Fields with rising numbers, from the steps between them."""
    made, number = [], 0
    for step, (of, value) in told:
        number += step
        made.append(Field(id=number, type=of, value=value))
    return tuple(made)


STRUCTS = st.recursive(
    st.lists(st.tuples(st.integers(1, 40), LEAVES), max_size=4).map(as_struct),
    lambda inner: st.lists(st.tuples(st.integers(1, 40), st.one_of(
        LEAVES, st.tuples(st.just(12), inner),
        st.tuples(st.just(9), st.lists(inner, max_size=20).map(lambda some: Items(type=12, values=tuple(some)))),
        st.tuples(st.just(9), st.lists(NUMBERS, max_size=20).map(lambda some: Items(type=6, values=tuple(some)))),
    )), max_size=4).map(as_struct), max_leaves=8)


@settings(max_examples=200)
@given(STRUCTS)
def test_a_struct_comes_back(struct: Struct) -> None:
    assert read_struct(write_struct(struct)) == struct


def test_a_footer_without_groups_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without row groups"):
        parse_footer(write_struct((Field(id=1, type=5, value=2),)))
    path = tmp_path / "none.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(ValueError, match="no Parquet file"):
        read_footer_bytes(path)
