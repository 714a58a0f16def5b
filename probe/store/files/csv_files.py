"""One table of one run as CSV (RFC 4180, UTF-8, header line, one line per row)."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from probe.core.safe_files import open_regular
from probe.store.files.atomic import StoreError, translate_os_errors
from probe.store.files.text_cells import decode, encode
from probe.store.row_codec import Row, Value
from probe.store.schema import Table

MAX_FILE_BYTES = 256 << 20
"""What one file may hold: far more than a run, or the runs of a day on one line."""
MAX_CELL_CHARS = 16 << 20
_MAX_COMMAS = 1_000_000
"""In one line, within cells and between them: each cell takes eight times as much memory as its comma."""


def write_csv(file: BinaryIO, table: Table, rows: Iterable[Row]) -> None:
    """Writes header and rows to an open file."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    columns = [(column.name, column) for column in table.columns]
    writer.writerow(name for name, _ in columns)
    for row in rows:
        writer.writerow([encode(row[name], column) for name, column in columns])
    text.flush()
    text.detach()


def make_csv(table: Table, rows: Iterable[Row]) -> bytes:
    """The content of the file that `write_csv` would write."""
    file = io.BytesIO()
    write_csv(file, table, rows)
    return file.getvalue()


def read_csv(path: Path, table: Table) -> Iterator[Row]:
    """The rows of a file, by the names in its header; columns that the table does not know are left out.

    Raises StoreError for a file that is missing, too large, or not as `write_csv` makes them.
    """
    with translate_os_errors(path), open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
            raise StoreError(f"{path}: larger than {MAX_FILE_BYTES >> 20} MiB, which none of ours is; remove it")
        yield from parse_csv(path, io.TextIOWrapper(file, "utf-8", newline=""), table)


def parse_text(path: Path, text: bytes, table: Table) -> Iterator[Row]:
    """The rows of a file that was read already. Raises StoreError as `read_csv`."""
    return parse_csv(path, io.TextIOWrapper(io.BytesIO(text), "utf-8", newline=""), table)


def parse_csv(path: Path, text: Iterable[str], table: Table) -> Iterator[Row]:
    """The rows of lines that were read from a file, the header first. Raises StoreError as `read_csv`."""
    csv.field_size_limit(MAX_CELL_CHARS)
    lines = csv.reader(map(_check_line, text), strict=True)
    try:
        yield from _rows(lines, table)
    except (csv.Error, ValueError) as error:
        raise StoreError(f"{path}, row {lines.line_num}: {error}; restore the file or remove this run") from error


def _check_line(line: str) -> str:
    if line.count(",") > _MAX_COMMAS:
        raise ValueError(f"a line has more than {_MAX_COMMAS} commas, which none of ours has")
    return line


def _empty_values(table: Table) -> Iterator[tuple[str, Value]]:
    """What an empty cell means, of the columns that may have one."""
    for column in table.columns:
        with suppress(ValueError):
            yield column.name, decode("", column)


def _rows(lines: Iterator[list[str]], table: Table) -> Iterator[Row]:
    known = {column.name: column for column in table.columns}
    header = next(lines, None)
    if header is None:
        raise ValueError("the header is missing")
    empty = dict(_empty_values(table))
    for cells in lines:
        if len(cells) != len(header):
            raise ValueError(f"{len(cells)} cells, the header has {len(header)}")
        row = {}
        for name, cell in zip(header, cells, strict=True):
            if not cell and name in empty:  # most cells are, and this is much faster
                row[name] = empty[name]
            elif name in known:
                try:
                    row[name] = decode(cell, known[name])
                except ValueError as error:
                    raise ValueError(f"column {name}: {error}") from error
        yield row
