"""Between the values of `probe.core` and rows: which field goes into which column, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeVar, cast

from probe.core.observations import ControlAnswer, Observation
from probe.core.runs import Run, RunResult, Vantage
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.store.flat_control import flatten_control, nest_control
from probe.store.flat_observation import flatten_observation, nest_row
from probe.store.plain_types import read_record
from probe.store.schema import FRAME, TABLES, Table

Value = str | int | float | bool | None | tuple[str, ...] | tuple[int, ...] | tuple[tuple[str, str], ...]
Record = Observation | Verdict | ServiceVerdict | ControlAnswer
Row = Mapping[str, Value]
"""Column -> value, in the order of the table's columns."""
T = TypeVar("T", Observation, Verdict, ServiceVerdict, ControlAnswer)

FLATTEN: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    Observation: flatten_observation, ControlAnswer: flatten_control}
"""Kind of record -> what makes a row of one; others are rows as they stand."""
_NEST: Mapping[type, Callable[[Row], dict[str, Any]]] = {Observation: nest_row, ControlAnswer: nest_control}
_VANTAGE_NAMES = frozenset(f.name for f in fields(Vantage))
_FRAME_NAMES = frozenset(column.name for column in FRAME)


def rows_of(result: RunResult, table: Table) -> Iterator[Row]:
    """The rows that a run puts into one table.

    Raises ValueError for an observation that names another run: that is a bug, not data.
    """
    if table.row is Run:
        yield run_row(result.run, table)
        return
    yield from framed_rows(result.run, table, table_records(result, table))


def table_records(result: RunResult, table: Table) -> tuple[Record, ...]:
    """What a run puts into one table that is not the runs table."""
    records: Mapping[str, tuple[Record, ...]] = {
        "observations": result.observations, "controls": result.controls,
        "verdicts": result.verdicts, "services": result.services,
    }
    return records[table.name]


def run_row(run: Run, table: Table) -> Row:
    """The one row of the runs table."""
    return {column.name: _run_value(run, column.name) for column in table.columns}


def framed_rows(run: Run, table: Table, records: Iterable[Record]) -> Iterator[Row]:
    """The rows of any other table, each with its run's frame. Raises ValueError as `rows_of`."""
    names = [column.name for column in table.columns if column.name not in _FRAME_NAMES]
    run_values = make_frame(run)
    for record in records:
        if isinstance(record, Observation) and record.run_id not in ("", run.run_id):
            raise ValueError(f"observation {record.observation_id} belongs to run {record.run_id!r}")
        row = run_values | {"measurement_uid": make_uid(run, subject_of(record))}
        flatten = FLATTEN.get(type(record))
        values = flatten(record) if flatten else None
        yield row | {name: getattr(record, name) if values is None else values[name] for name in names}


def make_frame(run: Run) -> dict[str, Value]:
    """What every row of a run begins with, its `measurement_uid` still that of the run."""
    return {column.name: make_uid(run, "") if column.name == "measurement_uid" else _run_value(run, column.name)
            for column in FRAME}


def make_uid(run: Run, subject: str) -> str:
    """The `measurement_uid` of a row about this subject."""
    return ".".join(filter(None, (run.run_id, subject)))


def run_from(row: Row) -> Run:
    """The run, and its vantage, that a row of the runs table describes; msgspec.ValidationError when it does not."""
    return read_record({**row, "vantage": row, "catalogue_path": _conceal_path(row.get("catalogue_path"))}, Run)


def _conceal_path(source: Value) -> Value:
    """Older versions wrote where the list lay, and with it the person's name: that is read as a list of their own."""
    return "own" if isinstance(source, str) and ("/" in source or "\\" in source) else source or ""


def record_from(row: Row, kind: type[T]) -> T:
    """The value that a row describes: columns that an older file lacks take their default, unknown ones are ignored.

    Raises msgspec.ValidationError when a column without a default is missing.
    """
    nest = _NEST.get(kind)
    return read_record(nest(row) if nest else row, kind)


def table_of(kind: type[T]) -> Table:
    """The table whose rows are of this kind."""
    return next(table for table in TABLES.values() if table.row is kind)


def _run_value(run: Run, name: str) -> Value:
    return cast(Value, getattr(run.vantage if name in _VANTAGE_NAMES else run, name))


SUBJECTS: Mapping[type, Callable[[Any], str]] = {
    Observation: attrgetter("target_id"), Verdict: attrgetter("target_id"), ControlAnswer: lambda record: "",
    ServiceVerdict: lambda record: f"{record.service}.{record.role}",
}
"""Kind of record -> what tells what one is about, as the part of a measurement_uid after the run."""


def subject_of(record: Record) -> str:
    """What the record is about."""
    return SUBJECTS[type(record)](record)
