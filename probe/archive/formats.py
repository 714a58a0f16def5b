"""One table as one file: CSV as the store writes it, Parquet, or JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import BinaryIO

from probe.store.csv_files import write_csv
from probe.store.parquet import write_parquet
from probe.store.rows import Row
from probe.store.schema import Table


def write_jsonl(file: BinaryIO, table: Table, rows: Iterable[Row]) -> None:
    """One JSON object a line, all ASCII: nothing in it acts on a terminal. Pairs are lists of two texts."""
    for row in rows:
        file.write(json.dumps({column.name: row[column.name] for column in table.columns}).encode("ascii") + b"\n")


FORMATS: Mapping[str, Callable[[BinaryIO, Table, Iterable[Row]], None]] = {
    "csv": write_csv, "parquet": write_parquet, "jsonl": write_jsonl,
}
"""Name -> writer."""
