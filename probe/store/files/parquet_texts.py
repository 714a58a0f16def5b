"""CSV texts of many runs into Parquet files, some megabytes of text at a time and without a loop over rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, BinaryIO

from probe.store.files.csv_files import make_csv
from probe.store.files.parquet import arrow_schema
from probe.store.files.parquet_columns import read_columns
from probe.store.schema import Table

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_GROUP_BYTES = 16 << 20
"""Of CSV text that becomes one row group."""
_HELD_BYTES = 128 << 20
"""Of CSV text that waits, of all files together."""


class GatheredTexts:
    """The rows of one table that wait for a row group in one of several files."""

    def __init__(self, table: Table, writers: Mapping[str, pq.ParquetWriter]) -> None:
        """`writers`: any name of a file -> what writes it."""
        self._table, self._writers = table, writers
        self._header = make_csv(table, ())
        self._rows: dict[str, list[bytes]] = {name: [] for name in writers}
        self._sizes = dict.fromkeys(writers, 0)

    def add(self, name: str, text: bytes) -> None:
        """Takes a run's CSV text with today's header. Raises StoreError where some that waited cannot be read."""
        rows = text[len(self._header):]
        self._rows[name].append(rows)
        self._sizes[name] += len(rows)
        if self._sizes[name] > _GROUP_BYTES:
            self._write(name)
        elif sum(self._sizes.values()) > _HELD_BYTES:
            self._write(max(self._sizes, key=self._sizes.__getitem__))

    def finish(self) -> None:
        """Writes what still waits. Raises StoreError."""
        for name in self._writers:
            self._write(name)

    def _write(self, name: str) -> None:
        if self._sizes[name]:
            text = b"".join((self._header, *self._rows[name]))
            self._writers[name].write_table(read_columns(text, self._table), row_group_size=1 << 20)
        self._rows[name], self._sizes[name] = [], 0


def open_writer(file: BinaryIO, table: Table) -> pq.ParquetWriter:
    """What writes rows of a table to an open file, as all Parquet of ours is written."""
    import pyarrow.parquet as pq

    return pq.ParquetWriter(file, arrow_schema(table), compression="zstd", write_page_checksum=True)
