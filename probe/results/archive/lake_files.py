"""One table of one day as Parquet files by country, written in one pass over the day's runs.

The runs of a day lie side by side in the files of the data set, whatever their country: who went through them once for
each country would read a big day as often as it has countries.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from probe.results.files.atomic import replace_whole
from probe.results.files.csv_files import make_csv
from probe.results.files.parquet import arrow_schema
from probe.results.files.parquet_columns import read_columns
from probe.results.schema import Table

if TYPE_CHECKING:
    import pyarrow.parquet as pq

MOST_FILES = 64
"""Open at once: processes may have a thousand, and anybody can name countries."""
_GROUP_BYTES = 16 << 20
"""Of CSV text that becomes one row group."""
_HELD_BYTES = 128 << 20
"""Of CSV text that waits, of all countries together."""


class CountryFiles:
    """What waits for the files of one table of one day."""

    def __init__(self, table: Table, writers: Mapping[str, pq.ParquetWriter]) -> None:
        self._table, self._writers = table, writers
        self._header = make_csv(table, ())
        self._rows: dict[str, list[bytes]] = {cc: [] for cc in writers}
        self._sizes = dict.fromkeys(writers, 0)

    def add(self, cc: str, text: bytes) -> None:
        """Takes a run's CSV text with today's header. Raises StoreError where some that waited cannot be read."""
        rows = text[len(self._header):]
        self._rows[cc].append(rows)
        self._sizes[cc] += len(rows)
        if self._sizes[cc] > _GROUP_BYTES:
            self._write(cc)
        elif sum(self._sizes.values()) > _HELD_BYTES:
            self._write(max(self._sizes, key=self._sizes.__getitem__))

    def finish(self) -> None:
        """Writes what still waits. Raises StoreError."""
        for cc in self._writers:
            self._write(cc)

    def _write(self, cc: str) -> None:
        if self._sizes[cc]:
            text = b"".join((self._header, *self._rows[cc]))
            self._writers[cc].write_table(read_columns(text, self._table), row_group_size=1 << 20)
        self._rows[cc], self._sizes[cc] = [], 0


@contextmanager
def open_country_files(table: Table, paths: Mapping[str, Path]) -> Iterator[CountryFiles]:
    """`paths`: country -> its file, at most MOST_FILES; each takes its place once all are whole, none after an error.

    Raises StoreError.
    """
    with ExitStack() as stack:
        files = CountryFiles(table, {cc: stack.enter_context(_open_parquet(path, table)) for cc, path in paths.items()})
        yield files
        files.finish()


@contextmanager
def _open_parquet(path: Path, table: Table) -> Iterator[pq.ParquetWriter]:
    """A file that takes the place of `path` at the end. Raises StoreError."""
    import pyarrow.parquet as pq

    with replace_whole(path) as temporary, temporary.open("wb") as file:
        with pq.ParquetWriter(file, arrow_schema(table), compression="zstd", write_page_checksum=True) as writer:
            yield writer
        file.flush()
        os.fsync(file.fileno())
