"""Tables that stand beside the code as CSV files: each row becomes a value of a known type."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


def read_table(path: Path, row: type[T], *, lists: tuple[str, ...] = ()) -> tuple[T, ...]:
    """The rows of a file, in its order; `lists`: columns of words with spaces between them, which become tuples.

    Raises msgspec.ValidationError where a row is not of this type.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = [{**cells, **{name: cells[name].split() for name in lists}} for cells in csv.DictReader(file)]
    return msgspec.convert(rows, tuple[row, ...], strict=False)  # type: ignore[valid-type]
