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

from probe.store.files.atomic import replace_whole
from probe.store.files.parquet_texts import GatheredTexts, open_writer
from probe.store.schema import Table

if TYPE_CHECKING:
    import pyarrow.parquet as pq

MOST_FILES = 64
"""Open at once: processes may have a thousand, and anybody can name countries."""


@contextmanager
def open_country_files(table: Table, paths: Mapping[str, Path]) -> Iterator[GatheredTexts]:
    """`paths`: country -> its file, at most MOST_FILES; each takes its place once all are whole, none after an error.

    Raises StoreError.
    """
    with ExitStack() as stack:
        rows = GatheredTexts(table, {cc: stack.enter_context(_open_parquet(path, table)) for cc, path in paths.items()})
        yield rows
        rows.finish()


@contextmanager
def _open_parquet(path: Path, table: Table) -> Iterator[pq.ParquetWriter]:
    """A file that takes the place of `path` at the end. Raises StoreError."""
    with replace_whole(path) as temporary, temporary.open("wb") as file:
        with open_writer(file, table) as writer:
            yield writer
        file.flush()
        os.fsync(file.fileno())
