"""Rows as lines of CSV, where very many are written that are nearly alike.

Most rows of a table differ in a few columns alone: numbers, times, ids. What the others were written as is kept, as a
template in which those columns are still missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from operator import attrgetter
from typing import Any

from probe.core.observations import Observation
from probe.core.runs import Run
from probe.core.verdicts import Verdict
from probe.results.files.text_cells import encode
from probe.results.flat_observation import DEFAULTS, PLACES, UNLISTED
from probe.results.row_codec import FLATTEN, Record, make_frame, make_uid, subject_of
from probe.results.schema import FRAME, Column, Kind, Table

_SHORT, _MOST_MADE = 128, 2048
"""Characters of a text whose cell is kept, and how many are, of each column."""
_MOST_TEMPLATES = 4096
_SPECIAL = re.compile('[,"\r\n]')
_UID = next(number for number, column in enumerate(FRAME) if column.name == "measurement_uid")
_VARYING: Mapping[type, frozenset[str]] = {
    Observation: frozenset(("observation_id", "sequence", "attempt", "tainted_by")),
    Verdict: frozenset(("evidence", "attempts", "failed_attempts", "theirs", "sources")),
}
"""Columns of which nearly every row holds something else; so are all numbers with a fraction."""
_Cell = tuple[Column, Any, str, dict[str, str]]
"""A column, its default, the cell of that, and what texts were written as."""


def quote(cell: str) -> str:
    """The cell as `csv.writer` writes it, in a row of several."""
    return f'"{cell.replace(chr(34), chr(34) * 2)}"' if _SPECIAL.search(cell) else cell


class FrameText:
    """What every row of a run begins with, for whatever it is about."""

    def __init__(self, run: Run) -> None:
        self._run = run
        frame = make_frame(run)
        cells = [quote(encode(frame[column.name], column)) for column in FRAME]
        self._before = "".join(f"{cell}," for cell in cells[:_UID])
        self._after = "".join(f",{cell}" for cell in cells[_UID + 1:])
        self._made: dict[str, str] = {}

    def about(self, subject: str) -> str:
        """The cells of the frame, where the row is about this."""
        if (known := self._made.get(subject)) is None:
            uid = quote(encode(make_uid(self._run, subject), FRAME[_UID]))
            known = self._made[subject] = f"{self._before}{uid}{self._after}"
        return known


class RowTexts:
    """Makes the lines of one table."""

    def __init__(self, table: Table) -> None:
        columns = table.columns[len(FRAME):]
        varying = _VARYING.get(table.row, frozenset())
        defaults = DEFAULTS if table.row is Observation else {f.name: f.default for f in fields(table.row)}
        self._flatten = FLATTEN.get(table.row)
        self._cells = [_start_cell(column, defaults.get(column.name, MISSING)) for column in columns]
        self._is_varying = [c.kind is Kind.NUMBER or c.name in varying for c in columns]
        self._changing = [(default, cell, _writer(column)) for (column, default, cell, _), apart
                          in zip(self._cells, self._is_varying, strict=True) if apart]
        self._read_changing = _reader(self._names(table, apart=True))
        self._read_lasting = _reader([*self._names(table, apart=False),
                                      *(UNLISTED if table.row is Observation else ())])
        self._templates: dict[tuple[Any, ...], str] = {}

    def _names(self, table: Table, *, apart: bool) -> list[str]:
        """Where the values of the columns stand that change, or those of all others."""
        places = PLACES if table.row is Observation else {}
        return [places.get(c.name, c.name) for c, varies in
                zip(table.columns[len(FRAME):], self._is_varying, strict=True) if varies is apart]

    def write(self, frame: FrameText, records: Iterable[Record]) -> str:
        """The lines of these records of one run."""
        return "".join([frame.about(subject_of(record)) + self._rest(record) for record in records])

    def _rest(self, record: Record) -> str:
        lasting = self._read_lasting(record)
        template = self._templates.get(lasting)
        if template is None:
            if len(self._templates) >= _MOST_TEMPLATES:
                self._templates.clear()
            template = self._templates[lasting] = self._make_template(record)
        return template % tuple([
            default_cell if value == default else write(value)
            for value, (default, default_cell, write) in zip(self._read_changing(record), self._changing, strict=True)])

    def _make_template(self, record: Record) -> str:
        """The line without its frame, `%s` in the place of what changes."""
        flat = self._flatten(record) if self._flatten else None
        parts = []
        for (column, default, default_cell, made), varies in zip(self._cells, self._is_varying, strict=True):
            value = getattr(record, column.name) if flat is None else flat[column.name]
            cell = default_cell if value == default else _write(value, column, made)
            parts.append(",%s" if varies else f",{cell.replace('%', '%%')}")
        return "".join(parts) + "\r\n"


def _start_cell(column: Column, default: Any) -> _Cell:
    return column, default, "" if default is MISSING else quote(encode(default, column)), {}


def _reader(places: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """What reads these of a record. Of a single one attrgetter gives the value alone, and of none it fails."""
    if len(places) > 1:
        return attrgetter(*places)
    return lambda record: tuple(attrgetter(place)(record) for place in places)


def _writer(column: Column) -> Callable[[Any], str]:
    """What writes the cells of a column; those of numbers are bare."""
    if column.kind is Kind.INTEGER:
        return str
    if column.kind is Kind.NUMBER and not column.nullable:
        return lambda value: repr(float(value))
    return lambda value: quote(encode(value, column))


def _write(value: Any, column: Column, made: dict[str, str]) -> str:
    """The cell of a value; those of short texts are kept in `made`."""
    if type(value) is not str:
        return quote(encode(value, column))
    if (cell := made.get(value)) is None:
        cell = quote(encode(value, column))
        if len(value) <= _SHORT:
            if len(made) >= _MOST_MADE:
                made.clear()
            made[value] = cell
    return cell
