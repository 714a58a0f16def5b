"""Rows as lines of CSV, where very many are written that are nearly alike.

Most rows of a table differ in a few columns alone: numbers, times, ids. What the others were written as is kept, as a
template in which those columns are still missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from operator import attrgetter, is_
from typing import Any

from probe.core.observations import Observation
from probe.core.runs import Run, Vantage
from probe.core.verdicts import Verdict
from probe.store.files.text_cells import encode
from probe.store.flat_observation import DEFAULTS, PARTS, PLACES, UNLISTED
from probe.store.row_codec import FLATTEN, SUBJECTS, Record, make_frame, make_uid
from probe.store.schema import FRAME, Column, Kind, Table

_SHORT, _MOST_MADE = 128, 2048
"""Characters of a text whose cell is kept, and how many are, of each column."""
_MOST_TEMPLATES, _MOST_LINES = 1024, 8
_SPECIAL = re.compile('[,"\r\n]')
_WORD = "[0-9A-Za-z][0-9A-Za-z ./:_-]*"
_PLAIN, _PLAIN_LIST = re.compile(_WORD), re.compile(f"{_WORD}(?:;{_WORD})*")
"""Texts, and lists of them, that neither `encode` nor `quote` changes."""
_UID = next(number for number, column in enumerate(FRAME) if column.name == "measurement_uid")
_VARYING: Mapping[type, frozenset[str]] = {
    Observation: frozenset(("observation_id", "sequence", "attempt", "t0_s", "t_s")),
    Verdict: frozenset(("confidence", "evidence", "attempts", "failed_attempts", "theirs", "sources")),
}
"""Columns of which nearly every row holds something else."""
_SELDOM = frozenset(("tainted_by",))
"""Columns that are empty in most rows, and hold something else in each of the others; so are all other numbers with a
fraction."""
_Cell = tuple[Column, Any, str, dict[str, str]]
"""A column, its default, the cell of that, and what texts were written as."""


def quote(cell: str) -> str:
    """The cell as `csv.writer` writes it, in a row of several."""
    return f'"{cell.replace(chr(34), chr(34) * 2)}"' if _SPECIAL.search(cell) else cell


class FrameText:
    """What every row of a run begins with, for whatever it is about."""

    def __init__(self, run: Run) -> None:
        self._run = run
        values = make_frame(run)
        cells = [quote(encode(values[column.name], column)) for column in FRAME]
        self._before = "".join(f"{cell}," for cell in cells[:_UID])
        self._after = "".join(f",{cell}" for cell in cells[_UID + 1:])
        self._made: dict[str, str] = {}

    def about(self, subject: str) -> str:
        """The cells of the frame, where the row is about this."""
        if (known := self._made.get(subject)) is None:
            uid = quote(encode(make_uid(self._run, subject), FRAME[_UID]))
            known = self._made[subject] = f"{self._before}{uid}{self._after}"
        return known


@dataclass(slots=True, kw_only=True)
class _Form:
    """Lines in which the same columns are missing, to be filled in for each row."""

    is_missing: Sequence[bool]
    """Of each column of the table in order."""
    read: Callable[[Any], tuple[Any, ...]]
    """The values of those columns."""
    writers: Sequence[Callable[[Any], str] | None]
    """What writes each; None: `%s` does."""
    templates: dict[tuple[Any, ...], str] = field(default_factory=dict)
    """The values of the columns that last -> the line."""


@dataclass(slots=True, kw_only=True)
class _Lines:
    """The lines of records with the same empty parts, of which nothing is read."""

    read_lasting: Callable[[Any], tuple[Any, ...]]
    """All values but those that differ in nearly every row, and those of `read_seldom`."""
    read_seldom: Callable[[Any], tuple[Any, ...]]
    no_seldom: tuple[Any, ...]
    """Their defaults."""
    usual: _Form
    """Of rows in which these are their defaults."""
    full: _Form


class RowTexts:
    """Makes the lines of one table."""

    def __init__(self, table: Table) -> None:
        columns = table.columns[len(FRAME):]
        is_nested = table.row is Observation
        self._varying = _VARYING.get(table.row, frozenset())
        self._defaults = DEFAULTS if is_nested else {f.name: f.default for f in fields(table.row)}
        self._flatten = FLATTEN.get(table.row)
        self._cells = [_start_cell(column, self._defaults.get(column.name, MISSING)) for column in columns]
        self._subject = SUBJECTS[table.row]
        self._places = PLACES if is_nested else {}
        self._unlisted = UNLISTED if is_nested else frozenset()
        self._parts = PARTS if is_nested else {}
        self._read_parts = _reader(list(self._parts))
        self._lines: dict[tuple[bool, ...], _Lines] = {}

    def write(self, run_text: FrameText, records: Iterable[Record]) -> str:
        """The lines of these records of one run."""
        return "".join([run_text.about(self._subject(record)) + self._rest(record) for record in records])

    def _rest(self, record: Record) -> str:
        is_empty = tuple(map(is_, self._read_parts(record), self._parts.values()))
        lines = self._lines.get(is_empty) or self._start_lines(is_empty)
        form = lines.usual if lines.read_seldom(record) == lines.no_seldom else lines.full
        lasting = lines.read_lasting(record)
        template = form.templates.get(lasting)
        if template is None:
            if len(form.templates) >= _MOST_TEMPLATES:
                form.templates.clear()
            template = form.templates[lasting] = self._make_template(record, form.is_missing)
        return template % tuple([value if write is None else write(value)
                                 for write, value in zip(form.writers, form.read(record), strict=True)])

    def _start_lines(self, is_empty: tuple[bool, ...]) -> _Lines:
        if len(self._lines) >= _MOST_LINES:
            self._lines.clear()
        empty = {part for part, nothing in zip(self._parts, is_empty, strict=True) if nothing}
        columns = [cell[0] for cell in self._cells if self._find_place(cell[0]).partition(".")[0] not in empty]
        seldom = [c for c in columns if (c.kind is Kind.NUMBER or c.name in _SELDOM) and c.name not in self._varying]
        lasting = [c for c in columns if c.name not in self._varying and c not in seldom]
        unlisted = [place for place in sorted(self._unlisted) if place.partition(".")[0] not in empty]
        made = self._lines[is_empty] = _Lines(
            read_lasting=_reader([*map(self._find_place, lasting), *unlisted]),
            read_seldom=_reader(list(map(self._find_place, seldom))),
            no_seldom=tuple(self._defaults.get(column.name, MISSING) for column in seldom),
            usual=self._start_form([c for c in columns if c.name in self._varying]),
            full=self._start_form([c for c in columns if c not in lasting]))
        return made

    def _find_place(self, column: Column) -> str:
        """Where the value of a column stands in a record: `port`, `tls.sni`."""
        return self._places.get(column.name, column.name)

    def _start_form(self, missing: Sequence[Column]) -> _Form:
        return _Form(is_missing=[cell[0] in missing for cell in self._cells],
                     read=_reader(list(map(self._find_place, missing))), writers=list(map(_choose_writer, missing)))

    def _make_template(self, record: Record, is_missing: Sequence[bool]) -> str:
        """The line without its frame, `%s` in the place of what is missing."""
        flat = self._flatten(record) if self._flatten else None
        parts = []
        for (column, default, default_cell, made), missing in zip(self._cells, is_missing, strict=True):
            value = getattr(record, column.name) if flat is None else flat[column.name]
            cell = default_cell if value == default else _write(value, column, made)
            parts.append(",%s" if missing else f",{cell.replace('%', '%%')}")
        return "".join(parts) + "\r\n"


class RunTexts:
    """Makes the lines of the runs table."""

    def __init__(self, table: Table) -> None:
        of_vantage = {f.name: f.default for f in fields(Vantage)}
        defaults = {f.name: f.default for f in fields(Run)} | of_vantage
        self._cells = [_start_cell(column, defaults.get(column.name, MISSING)) for column in table.columns]
        self._read = _reader([f"vantage.{c.name}" if c.name in of_vantage else c.name for c in table.columns])

    def write(self, run: Run) -> str:
        """The line of a run."""
        return ",".join([default_cell if value == default else _write(value, column, made)
                         for value, (column, default, default_cell, made)
                         in zip(self._read(run), self._cells, strict=True)]) + "\r\n"


def _start_cell(column: Column, default: Any) -> _Cell:
    return column, default, "" if default is MISSING else quote(encode(default, column)), {}


def _reader(places: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """What reads these of a record. Of a single one attrgetter gives the value alone, and of none it fails."""
    if len(places) > 1:
        return attrgetter(*places)
    return lambda record: tuple(attrgetter(place)(record) for place in places)


def _choose_writer(column: Column) -> Callable[[Any], str] | None:
    """What writes the cells of a column; those of numbers are bare, and plain texts stand there as they are."""
    if column.kind is Kind.INTEGER:
        return None
    if column.kind is Kind.NUMBER and not column.nullable:
        return lambda value: repr(float(value))
    if column.kind is Kind.TEXT and not column.nullable:
        return lambda value: value if _PLAIN.fullmatch(value) else quote(encode(value, column))
    if column.kind is Kind.TEXTS:
        return lambda value: _join_plain(value) or quote(encode(value, column))
    return lambda value: quote(encode(value, column))


def _join_plain(texts: tuple[str, ...]) -> str:
    """The cell of a list of plain texts; empty for others."""
    joined = ";".join(texts)
    return joined if _PLAIN_LIST.fullmatch(joined) and joined.count(";") == len(texts) - 1 else ""


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
