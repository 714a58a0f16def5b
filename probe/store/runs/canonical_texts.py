"""Whether the CSV files of a run are, byte for byte, what this program would write of what is in them.

Where they are, they need not be read into values and written anew. Each different cell of a column is checked once,
and most cells are alike. What is not sure is not: then whoever asks reads the run (`probe.store.runs.run_reader`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import cast

from probe.core.observations import ControlAnswer, Observation
from probe.core.runs import Run
from probe.core.verdicts import ServiceVerdict
from probe.store.files.csv_files import MAX_CELL_CHARS
from probe.store.files.text_cells import decode, encode
from probe.store.flat_observation import format_replies_column, read_replies_column
from probe.store.row_codec import make_frame, make_uid
from probe.store.schema import FRAME, TABLES, Column, Table
from probe.store.text_forms import FORMS

_MAX_KNOWN = 2048
"""Cells of one column that are remembered to be right."""
_MAX_KNOWN_CHARS = 80
_SUBJECTS: Mapping[type, tuple[str, ...]] = {ServiceVerdict: ("service", "role"), ControlAnswer: ()}
"""Kind of row -> the columns whose values are the subject of its `measurement_uid`; of others the target."""
_UID = "measurement_uid"


@dataclass(slots=True)
class _KnownColumn:
    """A column and some cells of it that are as they would be written."""

    column: Column
    cells: set[str] = field(default_factory=set)

    def holds_only_canonical(self, cells: Collection[str]) -> bool:
        """Whether each cell is. Raises ValueError for some that are not."""
        new = set(cells) - self.cells
        if not all(_is_canonical(cell, self.column) for cell in new):
            return False
        if len(self.cells) + len(new) > _MAX_KNOWN:
            self.cells.clear()
        if len(new) <= _MAX_KNOWN:
            self.cells.update(cell for cell in new if len(cell) <= _MAX_KNOWN_CHARS)
        return True


def are_canonical(run: Run, texts: Mapping[str, bytes]) -> bool:
    """Whether the texts, table -> content of its file, are what would be written of the run in them, this one."""
    try:
        run_cells = {name: encode(value, column) for (name, value), column in zip(make_frame(run).items(), FRAME,
                                                                                  strict=True)}
        return all(_is_table_canonical(table, texts[name], run_cells, run) for name, table in TABLES.items())
    except (ValueError, KeyError, csv.Error):  # UnicodeDecodeError is a ValueError
        return False


def _is_table_canonical(table: Table, content: bytes, run_cells: Mapping[str, str], run: Run) -> bool:
    csv.field_size_limit(MAX_CELL_CHARS)
    header, *rows = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
    columns = _known_columns(table.name)
    if header != list(columns) or not _is_written_so(header, rows, content):
        return False
    if not rows:
        return table.row is not Run
    cells = dict(zip(header, zip(*rows, strict=True), strict=True))
    if any(len(row) != len(header) for row in rows) or (table.row is Run and len(rows) != 1):
        return False
    if not _has_run_cells(table, cells, run_cells, run):
        return False
    if table.row is Observation and not _are_replies_canonical(set(zip(cells["operation"], cells["replies"],
                                                                       strict=True))):
        return False
    return all(columns[name].holds_only_canonical(set(found)) for name, found in cells.items())


def _is_written_so(header: list[str], rows: list[list[str]], content: bytes) -> bool:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode() == content


def _has_run_cells(table: Table, cells: Mapping[str, tuple[str, ...]], run_cells: Mapping[str, str], run: Run) -> bool:
    """Whether every row has what the run says of itself, and the name of its own subject."""
    if any(set(cells[name]) != {cell} for name, cell in run_cells.items() if name != _UID and name in cells):
        return False
    if _UID not in cells:
        return True
    names = _SUBJECTS.get(table.row, ("target_id",))
    columns = {column.name: column for column in table.columns}
    pairs: Iterable[tuple[str, ...]] = set(zip(cells[_UID], *(cells[name] for name in names), strict=True))
    for uid, *of in pairs:
        subject = ".".join(str(decode(cell, columns[name])) for name, cell in zip(names, of, strict=True))
        if uid != encode(make_uid(run, subject), columns[_UID]):
            return False
    return True


def _are_replies_canonical(pairs: Iterable[tuple[str, str]]) -> bool:
    column = next(column for column in TABLES["observations"].columns if column.name == "replies")
    for operation, cell in pairs:
        texts = cast("tuple[str, ...]", decode(cell, column))
        if texts and format_replies_column(*read_replies_column(operation, texts)) != texts:
            return False
    return True


@cache
def _known_columns(table: str) -> Mapping[str, _KnownColumn]:
    return {column.name: _KnownColumn(column) for column in TABLES[table].columns}


def _is_canonical(cell: str, column: Column) -> bool:
    value = decode(cell, column)
    if encode(value, column) != cell:
        return False
    form = FORMS.get(column.name)
    return form is None or not value or cast("Callable[[object], object]", form.write)(form.read(value)) == value
