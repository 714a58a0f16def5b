r"""Rows in the one form that digests are taken over, whatever file they come from.

The canonical form of a run's table is a CSV file as `probe.store.files.csv_files` writes it: the header line, then
one line a row, each ended by CR LF; so the file of a run that was just written is its own canonical form, and digests
cost one pass of SHA-256 over it. What a form of storage may change is fixed:

- the lines are sorted as bytes, for engines keep no order;
- columns are those of the version that the run names, in the order of the schema;
- times are `YYYY-MM-DDTHH:MM:SS[.ffffff]Z`, and empty where they are none: Parquet holds microseconds;
- a half of a surrogate pair is the text `\udNNN`: Parquet holds UTF-8;
- a number is the shortest decimal that reads as the same binary64 (Python's `repr`), with `.0` if it is whole.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping
from typing import cast

from probe.core.stamps import format_exact_time, parse_time
from probe.store.files.text_cells import encode, make_encodable
from probe.store.row_codec import Row, Value
from probe.store.schema import Column, Kind, Table, columns_at

_SURROGATE = b"\\ud"
"""What a cell with a half of a surrogate pair holds, and few others do."""


def is_canonical(text: bytes) -> bool:
    """Whether a file of ours whose times are canonical is so itself, but for the order of its lines."""
    return _SURROGATE not in text


def digest_text(text: bytes) -> str:
    """`rows:SHA-256` of a canonical CSV text, its rows in any order."""
    header, *lines = text.splitlines(keepends=True) or [b""]
    digest = hashlib.sha256(header)
    digest.update(b"".join(sorted(lines)))
    return f"{len(lines)}:{digest.hexdigest()}"


def digest_rows(table: Table, version: int, rows: Iterable[Row]) -> str:
    """`rows:SHA-256` of rows, over the columns of a version; a column that a row lacks is a damage.

    Raises KeyError for that.
    """
    return digest_text(canonical_text(table, version, rows))


def canonical_text(table: Table, version: int, rows: Iterable[Row]) -> bytes:
    """The rows as canonical CSV, in their own order. Raises KeyError where one lacks a column."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    columns = columns_at(table, version)
    writer.writerow([column.name for column in columns])
    for row in rows:
        writer.writerow([write_canonical_cell(row[column.name], column) for column in columns])
    return text.getvalue().encode()


def write_canonical_cell(value: Value, column: Column) -> str:
    """The cell of a value, before CSV puts it in quotation marks."""
    return encode(_canonical(value, column), column)


def canonical_time(text: str) -> str:
    """A time as digests have it; empty for what is none."""
    try:
        return format_exact_time(parse_time(text))
    except ValueError:
        return ""


def _canonical(value: Value, column: Column) -> Value:
    return None if value is None else _FORMS.get(column.kind, _same)(value)


def _same(value: Value) -> Value:
    return value


_FORMS: Mapping[Kind, Callable[[Value], Value]] = {
    Kind.TEXT: make_encodable,
    Kind.TIME: lambda value: canonical_time(str(value)),
    Kind.TEXTS: lambda value: tuple(map(make_encodable, cast("tuple[str, ...]", value))),
    Kind.PAIRS: lambda value: tuple((make_encodable(key), make_encodable(item))
                                    for key, item in cast("tuple[tuple[str, str], ...]", value)),
}
