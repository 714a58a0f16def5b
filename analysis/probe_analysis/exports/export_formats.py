"""One table as one file: CSV as the store writes it, Parquet, or JSON Lines."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import BinaryIO

from probe.store.files.csv_files import write_csv
from probe.store.files.parquet import write_parquet
from probe.store.row_codec import Row, Value
from probe.store.schema import Table


def write_jsonl(file: BinaryIO, table: Table, rows: Iterable[Row]) -> None:
    """One JSON object a line, all ASCII: nothing in it acts on a terminal. Pairs are lists of two texts; a number that
    JSON cannot hold (infinite) is null."""
    for row in rows:
        value = {column.name: _plain(row[column.name]) for column in table.columns}
        file.write(json.dumps(value, allow_nan=False).encode("ascii") + b"\n")


def _plain(value: Value) -> Value:
    return None if isinstance(value, float) and not math.isfinite(value) else value


FORMATS: Mapping[str, Callable[[BinaryIO, Table, Iterable[Row]], None]] = {
    "csv": write_csv, "parquet": write_parquet, "jsonl": write_jsonl,
}
"""Name -> writer."""
