"""Writes the file of cells, anew from the first row group that changes: those before it are copied as they are.

The file is the same, byte for byte, as one that is written from nothing. Groups have as many rows each, and cells stand
in order of time, so what is new lies at the end. A reader finds one whole file, the old or the new.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from probe.store.files.atomic import replace_whole
from probe_analysis.cells.cell_schema import SCHEMA
from probe_analysis.counting.parquet_footer import (
    MAGIC,
    FooterGroup,
    cut_groups,
    end_file,
    footer_of_nothing,
    join_footer,
    move_group,
    parse_footer,
    read_footer_bytes,
)

GROUP_ROWS = 1 << 17
_COMPRESSION = "zstd"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellsLayout:
    """How a file of cells was written, for who goes on from it."""

    digest: str = ""
    """SHA-256 of the file; empty: nobody can go on from it."""
    groups: tuple[tuple[int, int, int], ...] = ()
    """Of each row group the bytes in the footer, the rows, and where in the file it is over."""


NO_LAYOUT = CellsLayout()


class CellsWriter:
    """Takes cells in portions of any size: so the file does not tell who computed it."""

    def __init__(self, file: pq.ParquetWriter, kept: Sequence[FooterGroup]) -> None:
        self._file = file
        self._waiting: list[pa.Table] = []
        self.kept_rows = sum(group.rows for group in kept)
        """Rows that need not be added: the file has them."""
        self.layout = NO_LAYOUT
        """Of the file, once it is whole."""

    def add(self, rows: pa.Table, *, last: bool = False) -> None:
        """Cells that come after those before."""
        self._waiting.append(rows)
        if last or sum(table.num_rows for table in self._waiting) >= GROUP_ROWS:
            table = pa.concat_tables(self._waiting)
            whole = table.num_rows if last else table.num_rows // GROUP_ROWS * GROUP_ROWS
            for start in range(0, whole, GROUP_ROWS):
                self._file.write_table(table.slice(start, min(GROUP_ROWS, whole - start)).combine_chunks())
            self._waiting = [table.slice(whole)]


@contextmanager
def open_cells(path: Path, before: CellsLayout, rows: int) -> Iterator[CellsWriter]:
    """A file that takes its place when it is whole. The first `rows` cells are those of the file that is there; of
    these `kept_rows` are kept."""
    kept = _find_kept(path, before, rows)
    with replace_whole(path) as temporary:
        tail = temporary.with_name(f"{temporary.stem}.tail{temporary.suffix}")
        try:
            tail.touch(mode=0o600)  # nobody else reads it, not even half made
            with pq.ParquetWriter(tail, SCHEMA, compression=_COMPRESSION) as file:
                writer = CellsWriter(file, kept)
                yield writer
                writer.add(SCHEMA.empty_table(), last=True)
            writer.layout = _join(path, kept, tail, temporary)
        finally:
            with suppress(OSError):
                tail.unlink()


def _find_kept(path: Path, before: CellsLayout, rows: int) -> list[FooterGroup]:
    """The groups at the head of the file that hold the same cells, and that this program would write as they are."""
    whole = rows // GROUP_ROWS
    if not (whole and before.digest and path.is_file()):
        return []
    try:
        if _digest(path) != before.digest:
            return []
        footer, mine = read_footer_bytes(path), footer_of_nothing(SCHEMA, compression=_COMPRESSION)
        groups = cut_groups(footer, mine, before.groups)
        if join_footer(mine, groups) != footer:
            return []  # another version of the library wrote it
    except (OSError, ValueError):
        return []
    return groups[:whole] if all(group.rows == GROUP_ROWS for group in groups[:whole]) else []


def _join(path: Path, kept: Sequence[FooterGroup], tail: Path, whole: Path) -> CellsLayout:
    """Makes the groups that are kept and those of the tail one file."""
    footer = parse_footer(read_footer_bytes(tail))
    if not kept:
        os.replace(tail, whole)
        return _lay_out(footer.groups, whole)
    end, first = kept[-1].end, len(MAGIC)
    moved = [move_group(group.encoded, end - first, at) for at, group in enumerate(footer.groups, start=len(kept))]
    groups = [*kept, *moved]
    with whole.open("wb") as file:
        _copy(path, file, 0, end)
        _copy(tail, file, first, groups[-1].end - end)
        file.write(end_file(join_footer(footer.whole, groups)))
    return _lay_out(groups, whole)


def _lay_out(groups: Sequence[FooterGroup], path: Path) -> CellsLayout:
    return CellsLayout(digest=_digest(path),
                       groups=tuple((len(group.encoded), group.rows, group.end) for group in groups))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _copy(path: Path, to: BinaryIO, start: int, size: int) -> None:
    """Some bytes of a file to the end of another."""
    with path.open("rb") as file:
        file.seek(start)
        while size and (part := file.read(min(size, 1 << 20))):
            to.write(part)
            size -= len(part)
