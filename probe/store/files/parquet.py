"""One table of one run as Parquet; the only module of the store that imports pyarrow, and only when it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from probe.config.install_advice import advise_extra
from probe.core.stamps import parse_time
from probe.store.files.text_cells import make_encodable
from probe.store.row_codec import Row, Value
from probe.store.schema import SCHEMA_VERSION, Column, Kind, Table

if TYPE_CHECKING:
    import pyarrow

_BATCH_ROWS = 8192


def available() -> bool:
    """Whether Parquet can be written here (the extra `parquet` is installed)."""
    return find_spec("pyarrow") is not None


def explain_lacking_pyarrow() -> str:
    """Why Parquet cannot be written here, and what to do; empty where it can."""
    return "" if available() else f"Parquet needs pyarrow, which is not installed: {advise_extra('parquet')}"


def arrow_schema(table: Table) -> pyarrow.Schema:
    """The table's columns as Arrow fields; unit and meaning are in each field's metadata."""
    import pyarrow as pa

    item = pa.string()
    types: Mapping[Kind, Any] = {
        Kind.TEXT: item,
        Kind.TIME: pa.timestamp("us", tz="UTC"),
        Kind.INTEGER: pa.int64(),
        Kind.NUMBER: pa.float64(),
        Kind.BOOLEAN: pa.bool_(),
        Kind.TEXTS: pa.list_(item),
        Kind.INTEGERS: pa.list_(pa.int64()),
        Kind.PAIRS: pa.list_(pa.struct([("key", item), ("value", item)])),
    }
    fields = [
        pa.field(
            column.name,
            types[column.kind],
            nullable=column.nullable or column.kind is Kind.TIME,
            metadata={"unit": column.unit, "description": column.meaning},
        )
        for column in table.columns
    ]
    return pa.schema(fields, metadata={"schema_version": SCHEMA_VERSION, "description": table.title})


def write_parquet(file: BinaryIO, table: Table, rows: Iterable[Row]) -> None:
    """Writes the rows to an open file, some thousands at a time.

    Lone surrogates, which Parquet cannot hold, are written as `\\udNNN`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, left = arrow_schema(table), iter(rows)
    with pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True) as writer:
        while batch := list(islice(left, _BATCH_ROWS)):
            converted = [{column.name: convert_value(row[column.name], column) for column in table.columns}
                         for row in batch]
            writer.write_table(pa.Table.from_pylist(converted, schema=schema))


def convert_value(value: Value, column: Column) -> object:
    """A value as Parquet has it."""
    return None if value is None else _CONVERTERS.get(column.kind, _same)(value)


def _same(value: Value) -> object:
    return value


def _time(value: Value) -> datetime | None:
    try:
        return parse_time(str(value))
    except ValueError:
        return None


def _pairs(value: Value) -> list[dict[str, str]]:
    pairs = cast("tuple[tuple[str, str], ...]", value)
    return [{"key": make_encodable(key), "value": make_encodable(text)} for key, text in pairs]


_CONVERTERS: Mapping[Kind, Callable[[Value], object]] = {
    Kind.TEXT: make_encodable,
    Kind.TIME: _time,
    Kind.TEXTS: lambda value: [make_encodable(text) for text in cast("tuple[str, ...]", value)],
    Kind.PAIRS: _pairs,
}
