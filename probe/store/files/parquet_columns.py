"""CSV text of ours as Arrow columns, without a loop over rows: each different cell is read once.

The same values as `probe.store.files.parquet.write_parquet` makes of rows, many times faster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from probe.store.files.atomic import StoreError
from probe.store.files.parquet import arrow_schema, convert_value
from probe.store.files.text_cells import decode
from probe.store.schema import Column, Kind, Table

if TYPE_CHECKING:
    import pyarrow as pa

_PLAIN_KINDS = (Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN)


def read_columns(text: bytes, table: Table) -> pa.Table:
    """The rows of a CSV file with exactly the table's columns, as they go into Parquet. Raises StoreError."""
    import pyarrow as pa
    from pyarrow import csv

    names = [column.name for column in table.columns]
    reading = csv.ReadOptions(use_threads=False, block_size=max(1 << 20, len(text)))
    as_text = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False,
                                 quoted_strings_can_be_null=False)
    try:
        found = csv.read_csv(pa.BufferReader(text), read_options=reading, convert_options=as_text)
        if found.column_names != names:
            raise StoreError(f"{table.name}: has other columns than this version of the table")
        schema = arrow_schema(table)
        return pa.Table.from_arrays(
            [_read_cells(found.column(column.name), column, schema.field(column.name).type)
             for column in table.columns], schema=schema)
    except (pa.ArrowException, ValueError) as error:
        raise StoreError(f"{table.name}: {error}; restore the file or remove its run") from error


def _read_cells(cells: Any, column: Column, kind: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.kind in _PLAIN_KINDS:
        full = pc.if_else(pc.equal(cells, ""), pa.scalar(None, pa.string()), cells) if column.nullable else cells
        return pc.cast(full, kind)
    if column.kind is Kind.TEXT and not _is_escaped(cells):
        return pc.if_else(pc.equal(cells, ""), pa.scalar(None, pa.string()), cells) if column.nullable else cells
    coded = pc.dictionary_encode(cells).combine_chunks()
    if isinstance(coded, pa.ChunkedArray):
        coded = pa.concat_arrays(coded.chunks) if coded.num_chunks else pa.array([], coded.type)
    values = pa.array([convert_value(decode(cell, column), column) for cell in coded.dictionary.to_pylist()], kind)
    return values.take(coded.indices)


def _is_escaped(cells: Any) -> bool:
    """Whether any cell is not written as it is."""
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring(cells, "\\")).as_py() or pc.any(pc.starts_with(cells, "'")).as_py())
