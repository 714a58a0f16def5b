"""The list of what an analysis left out: a CSV file, harmless to terminals and spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from probe.store.files.atomic import make_folder, open_private, translate_os_errors
from probe.store.files.text_cells import encode
from probe.store.schema import Column, Kind
from probe_analysis.cells.row_quality import REASONS

MAX_LISTED = 1_000_000
"""So many rows are listed; all are counted."""
_REJECTED = ("table", "reason", "run_id", "target_id", "service", "role", "file", "line", "why")


class RowListener(Protocol):
    """Called with rows: column -> value."""

    def __call__(self, rows: Sequence[dict[str, object]]) -> None: ...


@contextmanager
def write_left_out(path: Path | None) -> Iterator[RowListener | None]:
    """Writes rows to a CSV file, harmless to terminals and spreadsheets, until there are too many."""
    if path is None:
        yield None
        return
    make_folder(path.parent)
    left = MAX_LISTED
    columns = [Column(name=name, kind=Kind.TEXT, nullable=False, unit="", meaning="") for name in _REJECTED]
    with translate_os_errors(path), open_private(path) as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(_REJECTED)

        def write(rows: Sequence[dict[str, object]]) -> None:
            nonlocal left
            for row in rows[:left]:
                listed: dict[str, object] = {"why": REASONS[str(row["reason"])], **row}
                writer.writerow([encode(str(listed.get(column.name, ""))[:400], column) for column in columns])
            left = max(0, left - len(rows))

        yield write
