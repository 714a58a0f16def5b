"""The five tables of the results, derived from the dataclasses of `probe.core`.

CSV header, Parquet schema, `datapackage.json` and the codebook are all made from `TABLES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, get_type_hints

from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.runs import Run, Vantage
from probe.core.tables.versions import SCHEMA_VERSION as SCHEMA_VERSION
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.store import column_meanings as columns
from probe.store.flat_observation import list_column_types
from probe.store.plain_types import strip_literals


class Kind(StrEnum):
    """What a cell holds."""

    TEXT = "text"
    TIME = "time"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXTS = "list of texts"
    INTEGERS = "list of integers"
    PAIRS = "list of pairs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its name is a field's name, its kind the field's type."""

    name: str
    kind: Kind
    nullable: bool
    """The value may be absent (None), which is not the same as its empty value."""
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One kind of result file."""

    name: str
    title: str
    row: type[Any]
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """Columns that together are unique; empty: none are."""


_KINDS: Mapping[object, tuple[Kind, bool]] = {
    str: (Kind.TEXT, False),
    int: (Kind.INTEGER, False),
    float: (Kind.NUMBER, False),
    bool: (Kind.BOOLEAN, False),
    tuple[str, ...]: (Kind.TEXTS, False),
    tuple[int, ...]: (Kind.INTEGERS, False),
    tuple[tuple[Place, str], ...]: (Kind.PAIRS, False),
    str | None: (Kind.TEXT, True),
    float | None: (Kind.NUMBER, True),
}


def _list_types(*rows: type[Any]) -> dict[str, object]:
    """Field -> type of several dataclasses, in order; a field that is itself a dataclass is left out."""
    hints: dict[str, object] = {}
    for row in rows:
        types = get_type_hints(row)
        hints |= {f.name: types[f.name] for f in fields(row) if types[f.name] is not Vantage}
    return hints


def _columns(types: Mapping[str, object], words: columns.Words) -> tuple[Column, ...]:
    made = []
    for name, hint in types.items():
        kind, nullable = _KINDS[strip_literals(hint)]
        if kind is Kind.TEXT and name.endswith("_time"):
            kind = Kind.TIME
        unit, meaning = words[name]
        made.append(Column(name=name, kind=kind, nullable=nullable, unit=unit, meaning=meaning))
    return tuple(made)


def columns_of(row: type[Any], words: columns.Words) -> tuple[Column, ...]:
    """The columns of a table whose rows are this dataclass; each field needs its words."""
    return _columns(_list_types(row), words)


_RUN_TYPES = _list_types(Run, Vantage)
_FRAME_TYPES = {name: _RUN_TYPES.get(name, str) for name in columns.FRAME}
FRAME = _columns(_FRAME_TYPES, columns.FRAME)
"""Columns that every table but `runs` begins with: whose row it is, from where, made with what."""


def _add_frame(row: type[Any], words: columns.Words) -> tuple[Column, ...]:
    hints = list_column_types() if row is Observation else _list_types(row)
    return FRAME + _columns({name: hints[name] for name in words}, words)


TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table(
            name="observations", title="One network operation each: what happened, never what it means",
            row=Observation, columns=_add_frame(Observation, columns.OBSERVATIONS), key=("observation_id",),
        ),
        Table(
            name="controls", title="What one control vantage saw of one endpoint",
            row=ControlAnswer, columns=_add_frame(ControlAnswer, columns.CONTROLS), key=(),
        ),
        Table(
            name="verdicts", title="What a run says of one target",
            row=Verdict, columns=_add_frame(Verdict, columns.VERDICTS), key=("run_id", "target_id"),
        ),
        Table(
            name="services", title="What a run says of one role of a service: k blocked of n decided endpoints",
            row=ServiceVerdict, columns=_add_frame(ServiceVerdict, columns.SERVICES), key=("run_id", "service", "role"),
        ),
        Table(
            name="runs", title="One run each: when, from where, with what; written last, when the run is whole",
            row=Run, columns=_columns(_RUN_TYPES, columns.RUNS), key=("run_id",),
        ),
    )
}
"""Name -> table, in the order in which a run's files are written."""

COLUMNS_VERSION = 7
"""Raised when a column is added: runs are signed over the columns that there were, and so they are verified."""
_ADDED: Mapping[str, Mapping[str, int]] = {
    "observations": {"out_of_order": 2}, "runs": {"own_hello": 3}, "services": {"answer": 4},
    "verdicts": dict.fromkeys(("p_ok", "p_blocked", "p_service", "p_network", "p_local", "if_blocked",
                                "would_decide"), 5) | dict.fromkeys(("passed_bytes", "passed_s"), 7),
}
"""Table -> column -> the version of the columns with which it came, of those that came after the first. No column came
with version 6."""


def columns_at(table: Table, version: int) -> tuple[Column, ...]:
    """The columns that a table had in a version of them. Columns are added anywhere, and never moved or removed."""
    added = _ADDED.get(table.name, {})
    return tuple(column for column in table.columns if added.get(column.name, 1) <= version)
