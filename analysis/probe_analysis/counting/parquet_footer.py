"""The footer of a Parquet file, taken apart and put together, so that a file goes on from the groups of an older one.

Row groups lie one after the other, and nothing within them says where. The footer does: so groups may be copied as they
are, if the footer names their new places. Source: `parquet.thrift` of the Parquet format.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from probe_analysis.counting.thrift_compact import (
    LIST,
    STRUCT,
    Field,
    Items,
    Struct,
    find_value,
    read_struct,
    write_items_head,
    write_struct,
)

MAGIC = b"PAR1"
_TAIL_BYTES = 8
"""The footer's length, and the word at the end."""
_ROWS, _GROUPS = 3, 4
"""Fields of the footer."""
_GROUP_COLUMNS, _GROUP_ROWS, _GROUP_PLACE, _GROUP_SIZE, _GROUP_NUMBER = 1, 3, 5, 6, 7
_PLACES: Mapping[int, frozenset[int]] = {0: frozenset({5}), 1: frozenset({2, 4, 6}), 2: frozenset({9, 10, 11, 14})}
"""Depth below a group -> fields that are places in the file: of the group, of its columns, of facts about these."""
_COLUMN_FACTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FooterGroup:
    """What the footer says of one row group."""

    encoded: bytes
    rows: int
    end: int
    """Where in the file the group is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """A footer: what it says of the file as a whole, and of each group."""

    whole: Struct
    groups: tuple[FooterGroup, ...]


def read_footer_bytes(path: Path) -> bytes:
    """The footer of a file. Raises ValueError where that is no Parquet file, OSError where it cannot be read."""
    with path.open("rb") as file:
        return _read_footer(file)


def parse_footer(data: bytes) -> Footer:
    """Takes a footer apart. Raises ValueError where it would not be the same again."""
    whole = read_struct(data)
    groups = find_value(whole, _GROUPS)
    if not isinstance(groups, Items):
        raise ValueError("a footer without row groups")
    footer = Footer(whole=whole, groups=tuple(_group(group) for group in groups.values if isinstance(group, tuple)))
    if join_footer(whole, footer.groups) != data:
        raise ValueError("a footer that is written in another way")
    return footer


def join_footer(whole: Struct, groups: Sequence[FooterGroup]) -> bytes:
    """The footer of a file that has these groups, and of which all else holds."""
    after = tuple(replace(field, id=field.id - _GROUPS) for field in whole if field.id > _GROUPS)
    encoded = b"".join(group.encoded for group in groups)
    return _write_head(whole, len(groups), sum(group.rows for group in groups)) + encoded + write_struct(after)


def cut_groups(footer: bytes, whole: Struct, sizes: Sequence[tuple[int, int, int]]) -> list[FooterGroup]:
    """The groups of a footer by their sizes in it, rows and ends: to take all of it apart takes long."""
    at = len(_write_head(whole, len(sizes), sum(rows for _, rows, _ in sizes)))
    groups = []
    for size, rows, end in sizes:
        groups.append(FooterGroup(encoded=footer[at:at + size], rows=rows, end=end))
        at += size
    return groups


def _write_head(whole: Struct, groups: int, rows: int) -> bytes:
    """What comes before the first group. The fields after the groups count from their number on."""
    before = tuple(replace(field, value=rows) if field.id == _ROWS else field for field in whole if field.id < _GROUPS)
    return write_struct(before)[:-1] + bytes([(_GROUPS - _ROWS) << 4 | LIST]) + write_items_head(STRUCT, groups)


def move_group(encoded: bytes, by: int, number: int) -> FooterGroup:
    """What a footer says of a group that comes so many bytes later, and as the group of this number from 0."""
    moved = _move(read_struct(encoded), by, 0)
    return _group(tuple(replace(field, value=number) if field.id == _GROUP_NUMBER else field for field in moved))


def footer_of_nothing(schema: pa.Schema, **options: str) -> Struct:
    """What a footer says of a file as a whole that is written now, with this schema."""
    sink = io.BytesIO()
    pq.ParquetWriter(sink, schema, **options).close()
    return parse_footer(_read_footer(sink)).whole


def end_file(footer: bytes) -> bytes:
    """What comes after the last group."""
    return footer + len(footer).to_bytes(4, "little") + MAGIC


def _read_footer(file: BinaryIO) -> bytes:
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read()
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != MAGIC or length > size - _TAIL_BYTES - len(MAGIC):
        raise ValueError("no Parquet file")
    file.seek(size - _TAIL_BYTES - length)
    return file.read(length)


def _group(struct: Struct) -> FooterGroup:
    rows, place, size = (find_value(struct, number) for number in (_GROUP_ROWS, _GROUP_PLACE, _GROUP_SIZE))
    if not (isinstance(rows, int) and isinstance(place, int) and isinstance(size, int)):
        raise ValueError("a row group that does not tell its place")
    return FooterGroup(encoded=write_struct(struct), rows=rows, end=place + size)


def _move(struct: Struct, by: int, depth: int) -> Struct:
    return tuple(_move_field(field, by, depth) for field in struct)


def _move_field(field: Field, by: int, depth: int) -> Field:
    value = field.value
    if field.id in _PLACES[depth] and isinstance(value, int) and value:  # 0 is no place: it stands for none
        return replace(field, value=value + by)
    if depth == 0 and field.id == _GROUP_COLUMNS and isinstance(value, Items):
        return replace(field, value=replace(value, values=tuple(
            _move(column, by, 1) for column in value.values if isinstance(column, tuple))))
    if depth == 1 and field.id == _COLUMN_FACTS and isinstance(value, tuple):
        return replace(field, value=_move(value, by, 2))
    return field
