"""The log of events as a file; whoever reads it alone needs no tables of cells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from probe.store.files.atomic import StoreError, translate_os_errors


def read_log(path: Path) -> list[Mapping[str, Any]]:
    """The rows of a log; none where there is no log yet. Raises StoreError for a line that is no row."""
    if not path.exists():
        return []
    with translate_os_errors(path):
        lines = path.read_text(encoding="utf-8").splitlines()
    rows: list[Mapping[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            rows.append({**row, "event_id": row["event_id"]})
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError(f"{path}, line {number}: is no event; take the line out") from error
    return rows
