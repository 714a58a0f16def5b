"""An observation as one flat row and back: which column is which field of which part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from operator import attrgetter, itemgetter
from typing import Any, get_type_hints

import msgspec

from probe.core.observations import Observation
from probe.store.text_forms import (
    FORMS,
    format_line,
    format_reply,
    format_version,
    read_lines,
    read_replies,
    read_versions,
)

UNLISTED = frozenset({"trace.lines", "datagrams.versions"})
"""Fields without a column of their own: they share `replies` with those of DNS, and the operation tells which it is."""
_RENAMED = {"dns.engine": "dns_engine", "tls.version": "tls_version", "tls.alert": "tls_alert"}
"""Fields whose column names their part too."""
PARTS: Mapping[str, Any] = {f.name: f.default for f in fields(Observation) if is_dataclass(f.default)}
"""Name of a part -> its empty value."""
_COMMON = tuple(f for f in fields(Observation) if f.name not in PARTS)


def _columns_of(part: str) -> dict[str, str]:
    return {_RENAMED.get(f"{part}.{f.name}", f.name): f.name for f in fields(PARTS[part])
            if f"{part}.{f.name}" not in UNLISTED}


_PART_COLUMNS: Mapping[str, Mapping[str, str]] = {part: found for part in PARTS if (found := _columns_of(part))}
"""Part -> column -> field."""
PLACES: Mapping[str, str] = {f.name: f.name for f in _COMMON} | {
    column: f"{part}.{name}" for part, columns in _PART_COLUMNS.items() for column, name in columns.items()}
"""Column -> where its value stands in an observation: `port`, `tls.sni`."""
DEFAULTS: Mapping[str, Any] = {f.name: f.default for f in _COMMON if f.default is not MISSING} | {
    column: getattr(PARTS[part], name) for part, columns in _PART_COLUMNS.items() for column, name in columns.items()
} | {column: form.empty for column, form in FORMS.items()}
"""Column -> its empty value, of all that have one."""
_COMMON_NAMES = tuple(f.name for f in _COMMON)
_common_values = itemgetter(*_COMMON_NAMES)


def _reader_of(columns: Mapping[str, str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """What takes the values of these columns out of a row. Of a single one itemgetter gives the value alone."""
    if len(columns) > 1:
        return itemgetter(*columns)
    (only,) = columns
    return lambda row: (row[only],)


_READERS = tuple((part, _reader_of(columns), tuple(DEFAULTS[column] for column in columns), tuple(columns.values()))
                 for part, columns in _PART_COLUMNS.items())
"""Part, what takes its values out of a whole row, its empty values, its fields."""
_values = attrgetter(*PLACES.values())
_REPLIES = list(PLACES).index("replies")
_FORMED = tuple((number, FORMS[column]) for number, column in enumerate(PLACES) if column in FORMS)


def list_column_types() -> dict[str, object]:
    """Column -> type."""
    common = get_type_hints(Observation)
    found = {f.name: common[f.name] for f in _COMMON}
    for part, columns in _PART_COLUMNS.items():
        types = get_type_hints(type(PARTS[part]))
        found |= {column: types[name] for column, name in columns.items()}
    return found | {column: form.stored for column, form in FORMS.items()} | {"replies": tuple[str, ...]}


def list_column_values(seen: Observation) -> list[Any]:
    """The values of all columns, in the order of `PLACES`."""
    values = list(_values(seen))
    for number, form in _FORMED:
        values[number] = form.write(values[number]) if values[number] else form.empty
    if values[_REPLIES] or seen.trace.lines or seen.datagrams.versions:
        values[_REPLIES] = (*map(format_reply, seen.dns.replies), *map(format_line, seen.trace.lines),
                            *map(format_version, seen.datagrams.versions))
    return values


def read_replies_column(operation: object, texts: tuple[str, ...]) -> tuple[str, str, Any]:
    """The part and the field that the texts of `replies` belong to, by the operation, and their values."""
    if operation in ("resolve", "dns_round_trip"):
        return "dns", "replies", read_replies(texts)
    if operation == "quic_version":
        return "datagrams", "versions", read_versions(texts)
    return "trace", "lines", read_lines(texts)


_REPLY_FORMATS: Mapping[str, Callable[[Any], str]] = {
    "dns": format_reply, "trace": format_line, "datagrams": format_version}
"""Part -> how each of its values stands in `replies`."""


def format_replies_column(part: str, _name: str, values: Iterable[Any]) -> tuple[str, ...]:
    """The texts of `replies` for what `read_replies_column` tells."""
    return tuple(map(_REPLY_FORMATS[part], values))


def flatten_observation(seen: Observation) -> dict[str, Any]:
    """Column -> value."""
    return dict(zip(PLACES, list_column_values(seen), strict=True))


def nest_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with a mapping for each part that is not empty and values for texts; what is no column is left out.

    Raises msgspec.ValidationError where a column that should hold text does not.
    """
    made = _parted(row)
    for column, form in FORMS.items():
        part, _, name = PLACES[column].rpartition(".")
        fields_of = made.get(part, {}) if part else made
        if name in fields_of:
            fields_of[name] = form.read(msgspec.convert(fields_of[name], form.stored))
    if texts := row.get("replies"):
        del made["dns"]["replies"]
        part, name, values = read_replies_column(row.get("operation"), msgspec.convert(texts, tuple[str, ...]))
        made.setdefault(part, {})[name] = values
    return made


def _parted(row: Mapping[str, Any]) -> dict[str, Any]:
    try:
        made = dict(zip(_COMMON_NAMES, _common_values(row), strict=True))
        for part, values_of, empty, names in _READERS:
            if (values := values_of(row)) != empty:
                made[part] = dict(zip(names, values, strict=True))
    except KeyError:  # an older file, or somebody else's
        made = {name: row[name] for name in _COMMON_NAMES if name in row}
        made |= {part: {name: row[column] for column, name in columns.items() if column in row}
                 for part, columns in _PART_COLUMNS.items()}
    return made
