"""One column of a cell table as numbers, whoever holds the table: millions of cells are read a column at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from probe_analysis.events.segments import Ints

_Whole = TypeVar("_Whole", np.int32, np.int64)
SmallInts: TypeAlias = NDArray[np.integer[Any]]
"""Whole numbers of any width."""
_MANY = 1 << 16
"""Fewer values fit the processor's cache as they are."""


class CellsError(ValueError):
    """The table is no cell table; the message says what is wrong and what to do."""


class ParquetColumns(Mapping[str, Any]):
    """A Parquet file as a mapping of columns, each read when it is asked for and kept by nobody."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._schema = pq.read_schema(path)

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        if name not in self._schema.names:
            raise KeyError(name)
        texts = [name] if self._schema.field(name).type == pa.string() else []
        return pq.read_table(self._path, columns=[name], read_dictionary=texts, partitioning=None)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._schema.names)

    def __len__(self) -> int:
        return len(self._schema.names)


def list_texts(path: Path) -> list[str]:
    """The columns of texts of a Parquet file."""
    return [field.name for field in pq.read_schema(path) if field.type == pa.string()]


def list_columns(table: Any) -> frozenset[str]:
    """The columns of a pandas frame, an Arrow table or a mapping."""
    return frozenset(table.column_names if isinstance(table, pa.Table) else table)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CodedColumn:
    """A column as numbers of its values; -1 where it is empty."""

    codes: SmallInts
    names: tuple[Any, ...]
    """The values, sorted: so the order of rows never matters."""


def encode_column(table: Any, name: str, *, empty: Any = None) -> CodedColumn:
    """A column of texts or numbers; `empty` is what an empty cell says, where it says anything."""
    column = _arrow(table[name])
    if empty is not None and column.null_count:
        column = pc.fill_null(column, empty)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    column = column.unify_dictionaries().combine_chunks()
    values, indices = column.dictionary.to_pylist(), column.indices
    order = sorted(range(len(values)), key=lambda at: values[at])
    names = tuple(values[at] for at in order)
    if not indices.null_count and order == list(range(len(values))):
        return CodedColumn(codes=np.asarray(indices.to_numpy(zero_copy_only=False), dtype=np.int32), names=names)
    rank = np.full(len(values) + 1, -1, dtype=np.int32)
    rank[order] = np.arange(len(values), dtype=np.int32)
    codes = indices.fill_null(len(values)) if indices.null_count else indices
    return CodedColumn(codes=rank.take(codes.to_numpy(zero_copy_only=False)), names=names)


def read_whole_numbers(table: Any, name: str) -> Ints:
    """A column of whole numbers."""
    return np.asarray(_arrow(table[name]).to_numpy(), dtype=np.int64)


def cell_numbers(table: Any, name: str, step: timedelta) -> Ints:
    """A column of times, as numbers of cells of this length since 1970. Raises CellsError where one is empty."""
    column = _arrow(table[name])
    if not pa.types.is_timestamp(column.type):
        column = _arrow(pd.Series(pd.to_datetime(pd.Series(column.to_pandas()), utc=True)))
    if column.null_count:
        raise CellsError(f"{name} is empty in some rows; leave those rows out")
    if not len(column):
        return np.zeros(0, dtype=np.int64)
    # Cells stand in order of time, mostly: each time is divided once, and not once for each cell of it.
    runs = pc.run_end_encode(column.combine_chunks())
    seconds = runs.values.cast(pa.timestamp("s"), safe=False).to_numpy(zero_copy_only=False).astype(np.int64)
    numbers = seconds // int(step.total_seconds())
    return np.repeat(numbers, np.diff(runs.run_ends.to_numpy(), prepend=0))


def shrink(values: SmallInts) -> SmallInts:
    """The same numbers in as few bytes each as they fit."""
    if not values.size:
        return values
    low, most = int(values.min()), int(values.max())
    kind = np.result_type(np.min_scalar_type(low), np.min_scalar_type(most))
    return values.astype(kind) if kind.kind in "iu" and kind.itemsize < values.itemsize else values


def gather(values: NDArray[_Whole], at: Ints) -> NDArray[_Whole]:
    """The values at these places; by way of numbers as small as they fit, which the processor's cache holds."""
    if len(values) < _MANY:
        return values.take(at)
    low, most = int(values.min()), int(values.max())
    small = np.min_scalar_type(most - low)
    if 2 * small.itemsize > values.itemsize:
        return values.take(at)
    if low >= 0 and np.min_scalar_type(most).itemsize == small.itemsize:
        return values.astype(small).take(at).astype(values.dtype)
    made: NDArray[_Whole] = (values - values.dtype.type(low)).astype(small).take(at).astype(values.dtype)
    made += values.dtype.type(low)
    return made


def _arrow(column: Any) -> pa.ChunkedArray:
    if isinstance(column, pa.ChunkedArray):
        return column
    array = column if isinstance(column, pa.Array) else pa.array(column, from_pandas=True)
    return pa.chunked_array([array])
