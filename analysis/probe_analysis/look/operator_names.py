"""Names of networks' operators, from a table that somebody has: `asn,name`. Bounded in bytes and rows."""

from __future__ import annotations

import csv
from pathlib import Path

from probe.store.files.atomic import StoreError, translate_os_errors

MAX_BYTES = 16 << 20
MAX_NAME = 80


def read_operators(path: Path) -> dict[int, str]:
    """Number of a network -> name. Raises StoreError for a file that is no such table."""
    with translate_os_errors(path), path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise StoreError(f"{path}: larger than {MAX_BYTES >> 20} MiB")
    names: dict[int, str] = {}
    try:
        for row in csv.reader(raw.decode("utf-8", "replace").splitlines()):
            number = row[0].strip().upper().removeprefix("AS") if len(row) > 1 else ""
            if number.isascii() and number.isdecimal() and len(number) <= 10:
                names[int(number)] = row[1].strip()[:MAX_NAME]
    except csv.Error as error:
        raise StoreError(f"{path}: {error}") from error
    if not names:
        raise StoreError(f"{path}: no line is a network's number and its name: AS25513,Example Telecom")
    return names
