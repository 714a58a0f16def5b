"""Tables that stand beside the code as CSV files: each row becomes a value of a known type."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


def read_table(path: Path, row: type[T]) -> tuple[T, ...]:
    """The rows of a file, in its order. Raises msgspec.ValidationError where one is not of this type."""
    with path.open(encoding="utf-8", newline="") as file:
        return msgspec.convert(list(csv.DictReader(file)), tuple[row, ...], strict=False)  # type: ignore[valid-type]
