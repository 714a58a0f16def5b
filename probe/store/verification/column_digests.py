"""The digests of the runs in a Parquet file, column by column: each different cell is written once, not once a row.

Where all is as it was signed, this is the whole check. Whoever finds another digest here reads row by row
(`probe.store.files.parquet_rows`) before they call anything damaged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from probe.store.files.atomic import StoreError
from probe.store.files.parquet_rows import read_parquet_batches, read_value
from probe.store.schema import Column, Kind, Table, columns_at
from probe.store.signing.canonical_rows import canonical_text, digest_text, write_canonical_cell

_BATCH_ROWS = 1 << 12
_QUOTED = re.compile('[,"\r\n]')
_LISTS = (Kind.TEXTS, Kind.INTEGERS, Kind.PAIRS)


def digest_columns(path: Path, table: Table, versions: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """(run, `rows:SHA-256`) of each stretch of rows of one of these runs.

    `versions`: run -> the version of the columns that it was signed in. Raises StoreError for all that is not as the
    program writes it.
    """
    import pyarrow as pa

    at, lines = "", list[bytes]()
    try:
        for ids, written in _read(path, table, versions):
            for start, end in _list_stretches(ids):
                if ids[start] != at:
                    yield from _close(at, lines, table, versions)
                    at, lines = ids[start], []
                if at in versions:
                    lines += written[versions[at]][start:end]
        yield from _close(at, lines, table, versions)
    except (pa.ArrowException, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise StoreError(f"{path}: {error}") from error


def _read(path: Path, table: Table, versions: Mapping[str, int]) -> Iterator[tuple[list[str], dict[int, list[bytes]]]]:
    """Of some rows at a time: their runs, and their lines by the versions that these were signed in."""
    for batch in read_parquet_batches(path, {column.name for column in table.columns}, _BATCH_ROWS):
        ids = batch.column("run_id").to_pylist()
        yield ids, {version: _write_lines(batch, columns_at(table, version))
                    for version in {versions[run_id] for run_id in set(ids) if run_id in versions}}


def _list_stretches(ids: list[str]) -> Iterator[tuple[int, int]]:
    starts = [0, *(place for place in range(1, len(ids)) if ids[place] != ids[place - 1])] if ids else []
    return zip(starts, (*starts[1:], len(ids)), strict=True) if starts else iter(())


def _close(run_id: str, lines: list[bytes], table: Table, versions: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    if run_id in versions:
        yield run_id, digest_text(canonical_text(table, versions[run_id], ()) + b"".join(lines))


def _write_lines(batch: Any, columns: tuple[Column, ...]) -> list[bytes]:
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = [_write_cells(batch.column(column.name), column) for column in columns]
    return [line + b"\r\n" for line in pc.binary_join_element_wise(*cells, ",").cast(pa.binary()).to_pylist()]


def _write_cells(values: Any, column: Column) -> Any:
    """The cells of a column as they stand in a canonical line."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.kind in _LISTS:
        return _write_lists(values, column)
    coded = (values.view(pa.int64()) if column.kind is Kind.NUMBER else values).dictionary_encode()  # 0.0 is not -0.0
    distinct = coded.dictionary.view(pa.float64()) if column.kind is Kind.NUMBER else coded.dictionary
    cells = pa.array([_write(value, column) for value in distinct.to_pylist()], pa.string()).take(coded.indices)
    return pc.fill_null(cells, _write(None, column)) if values.null_count else cells


def _write_lists(values: Any, column: Column) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if values.null_count:
        raise ValueError(f"column {column.name}: a value is missing")
    empty, full = pa.repeat(_write([], column), len(values)), pc.greater(pc.list_value_length(values), 0)
    cells = [_write(value, column) for value in values.filter(full).to_pylist()]
    return pc.replace_with_mask(empty, full, pa.array(cells, pa.string()))


def _write(value: Any, column: Column) -> str:
    cell = write_canonical_cell(read_value(value, column), column)
    return '"' + cell.replace('"', '""') + '"' if _QUOTED.search(cell) else cell
