"""Reads Parquet files of the store as the rows that were written, but for what Parquet cannot hold.

Halves of surrogate pairs come back as the text `\\udNNN`, times to the microsecond in UTC, and what was no time as the
empty text.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from pathlib import Path
from typing import Any

from probe.core.safe_files import open_regular
from probe.core.stamps import format_exact_time
from probe.store.files.atomic import StoreError, translate_os_errors
from probe.store.row_codec import Row, Value
from probe.store.schema import Column, Kind, Table

_BATCH_ROWS = 1024
_MAX_BYTES = 16 << 30
"""A merged day is one file, and 30,000 runs have observations of more than a CSV file may hold. It is read by batches:
its size costs no memory."""
_MAX_ROWS = 1 << 27


def read_parquet(path: Path, table: Table) -> Iterator[Row]:
    """The rows of a file; columns that the table does not know are left out.

    Raises StoreError for a file that is missing, too large or damaged.
    """
    known = {column.name: column for column in table.columns}
    for row in read_parquet_values(path, known):
        try:
            yield {name: read_value(value, known[name]) for name, value in row.items()}
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise _damage(path, error) from error


def read_parquet_values(path: Path, wanted: Container[str]) -> Iterator[dict[str, Any]]:
    """Some columns of a file, read a thousand rows at a time, their values as pyarrow gives them. Raises StoreError."""
    for batch in read_parquet_batches(path, wanted, _BATCH_ROWS):
        yield from batch.to_pylist()


def read_parquet_batches(path: Path, wanted: Container[str], rows: int) -> Iterator[Any]:
    """The same as record batches of so many rows at most."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with translate_os_errors(path):
        if path.stat().st_size > _MAX_BYTES:
            raise StoreError(f"{path}: larger than {_MAX_BYTES >> 20} MiB, which none of ours is; remove it")
        with open_regular(path) as raw:
            try:
                with pq.ParquetFile(raw, page_checksum_verification=True) as file:
                    if file.metadata.num_rows > _MAX_ROWS:
                        raise StoreError(f"{path}: more rows than any file of ours has; remove it")
                    names = [name for name in file.schema_arrow.names if name in wanted]
                    count = 0
                    for batch in file.iter_batches(batch_size=rows, columns=names):
                        count += batch.num_rows
                        yield batch
                    if names and count != file.metadata.num_rows:  # a damaged head of a page ends them, in silence
                        raise ValueError(f"{count} of {file.metadata.num_rows} rows")
            except (pa.ArrowException, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
                raise _damage(path, error) from error


def _damage(path: Path, error: Exception) -> StoreError:
    why = str(error).partition("\n")[0][:200]
    return StoreError(f"{path}: is no Parquet file of ours, or a damaged one ({why}); restore it from its CSV files: "
                      "probe verify --repair")


def read_value(value: Any, column: Column) -> Value:
    """A value as it was written, of one that pyarrow gives. Raises ValueError, TypeError and their like."""
    if value is None:
        if column.kind is Kind.TIME:
            return ""
        if not column.nullable:
            raise ValueError(f"column {column.name}: a value is missing")
        return None
    return _READERS[column.kind](value)


def _checked(kind: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"{kind.__name__} expected")
        return value
    return check


_text, _integer = _checked(str), _checked(int)
_READERS: Mapping[Kind, Callable[[Any], Value]] = {
    Kind.TEXT: _text,
    Kind.TIME: format_exact_time,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _checked(float),
    Kind.BOOLEAN: _checked(bool),
    Kind.TEXTS: lambda value: tuple(map(_text, value)),
    Kind.INTEGERS: lambda value: tuple(map(_integer, value)),
    Kind.PAIRS: lambda value: tuple((_text(pair["key"]), _text(pair["value"])) for pair in value),
}
