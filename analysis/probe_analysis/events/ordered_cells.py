"""The cells of a table in order, by series and each by time: columns as numbers as small as they fit.

Only one column is held as wide as the table has it, so tens of millions of cells fit a small machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probe_analysis.cells.failure_layers import FAILED
from probe_analysis.events.cell_columns import (
    CellsError,
    CodedColumn,
    SmallInts,
    cell_numbers,
    encode_column,
    gather,
    list_columns,
    read_whole_numbers,
    shrink,
)
from probe_analysis.events.cell_series import CellPlace
from probe_analysis.events.segments import Ints

_TEXTS = ("probe_cc", "level", "service", "role", "target_id")
_KEYS = ("lab", "probe_cc", "probe_asn", "level", "service", "role", "target_id")
_OPTIONAL = ("witnesses", "confirmed")
_BESIDE_CUT = ("ok", "blocked", "down", "local", "inconclusive")
_VERSIONS = ("software_version", "catalogue_version")
_FEW_KEYS = 1 << 24
"""A table of so many keys is quicker than to sort them."""
_MOST_SMALL = 1 << 28
"""So many keys fit 32 bits, which take half the time, even where a column is empty and numbered -1."""
UNTOLD = CodedColumn(codes=np.zeros(0, dtype=np.int32), names=())
"""A column that is not there."""
REQUIRED = ("lab", "probe_asn", "cell_start", *_TEXTS, "ok", "blocked", "network")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SeriesHead:
    """What all cells of a series have in common, in the order of series."""

    lab: bool
    cc: str
    asn: int
    level: str
    service: str
    role: str
    target_id: str

    @property
    def place(self) -> CellPlace:
        return CellPlace(lab=self.lab, cc=self.cc, asn=self.asn)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OrderedCells:
    """All cells of a table by series, in the order of their heads, and each by time."""

    heads: tuple[SeriesHead, ...]
    bounds: Ints
    """Where each series begins, and where the last ends."""
    time: Ints
    """Number of each cell since 1970."""
    counts: Mapping[str, SmallInts]
    """`ok` and `blocked`; `cut`: 1 where the network stopped most; where the table has them `witnesses`, `confirmed`,
    and `failed` of all layers together."""
    words: Mapping[str, CodedColumn]
    """`block_type`, `standing`, `failure_type`, `hellos`, `struck_hellos` and `version`, where the table has them."""

    def word(self, name: str) -> CodedColumn:
        """A column of words; one without names where there is none."""
        return self.words.get(name, UNTOLD)


def order_cells(table: Any, step: timedelta) -> OrderedCells:
    """The cells of a table: a pandas frame, an Arrow table, or a mapping of columns to arrays.

    Raises CellsError for missing columns and for cells that occur twice.
    """
    missing = [name for name in REQUIRED if name not in list_columns(table)]
    if missing:
        raise CellsError(f"the cell table lacks {', '.join(missing)}; see docs/analysis.md for its columns")
    time = cell_numbers(table, "cell_start", step)
    if not time.size:
        return OrderedCells(heads=(), bounds=np.zeros(1, dtype=np.int64), time=time, counts={}, words={})
    rows = _sort_rows(table, time)
    return OrderedCells(
        heads=rows.heads, bounds=rows.bounds, time=rows.time,
        counts={name: shrink(values).take(rows.order) for name, values in _list_counts(table)},
        words={name: CodedColumn(codes=shrink(column.codes).take(rows.order), names=column.names)
               for name, column in _list_words(table)},
    )


def _list_counts(table: Any) -> Iterator[tuple[str, Ints]]:
    """Columns of numbers, in the order of the table."""
    known = list_columns(table)
    for name in ("ok", "blocked", *_OPTIONAL):
        if name in known:
            yield name, read_whole_numbers(table, name)
    yield "cut", find_cut(table).astype(np.int64)
    if known.issuperset((*FAILED, "failure_type")):
        failed = read_whole_numbers(table, FAILED[0]).copy()
        for name in FAILED[1:]:
            failed += read_whole_numbers(table, name)
        yield "failed", failed


def _list_words(table: Any) -> Iterator[tuple[str, CodedColumn]]:
    """Columns of words, in the order of the table."""
    known = list_columns(table)
    for name in ("block_type", "standing"):
        if name in known:
            yield name, encode_column(table, name)
    if "failure_type" in known:
        yield "failure_type", encode_column(table, "failure_type", empty="")
    if known >= {"hellos", "struck_hellos"}:
        for name in ("hellos", "struck_hellos"):
            yield name, encode_column(table, name, empty="")
    if (versions := _versions(table)).names:
        yield "version", versions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rows:
    """How the rows of the table are to be put in order."""

    order: Ints
    heads: tuple[SeriesHead, ...]
    bounds: Ints
    time: Ints
    """In that order."""


def _sort_rows(table: Any, time: Ints) -> _Rows:
    key: Ints | NDArray[np.int32] = np.zeros(len(time), dtype=np.int32)
    parts: list[CodedColumn] = []
    most = 1
    for name in _KEYS:
        part = encode_column(table, name, empty="" if name in _TEXTS else None)
        most *= len(part.names)
        key = key if most <= _MOST_SMALL else key.astype(np.int64, copy=False)
        key *= len(part.names)
        key += part.codes
        parts.append(CodedColumn(codes=UNTOLD.codes, names=part.names))
    number, keys = _number_keys(key, most)
    # Few numbers are sorted digit by digit, in a time that grows with the rows alone.
    order = np.argsort(number.astype(np.uint16, copy=False) if len(keys) < 1 << 16 else number, kind="stable")
    bounds = np.concatenate(([0], np.cumsum(np.bincount(number, minlength=len(keys)))))
    ordered = gather(time, order)
    if not rises(ordered, bounds):  # the table is not in order of time, as the cells of this program are
        order = np.lexsort((time, number))
        ordered = gather(time, order)
        if not rises(ordered, bounds):
            raise CellsError("a cell occurs twice in the table; count each verdict once")
    return _Rows(order=np.asarray(order, dtype=np.int64), heads=tuple(_heads(keys, parts)), bounds=bounds, time=ordered)


def rises(time: Ints, bounds: Ints) -> bool:
    """Whether the times of each series rise."""
    later = time[1:] > time[:-1]
    later[bounds[1:-1] - 1] = True
    return bool(later.all())


def _number_keys(key: Ints | NDArray[np.int32], most: int) -> tuple[NDArray[np.uint16] | Ints, Ints]:
    """The place of each key among all that occur, and these in order; all are less than `most`, but for empty ones."""
    if most > _FEW_KEYS or key.min() < 0:
        number, found = pd.factorize(key, sort=True)
        return np.asarray(number, dtype=np.int64), np.asarray(found, dtype=np.int64)
    seen = np.zeros(most, dtype=np.bool_)
    seen[key] = True
    keys = np.flatnonzero(seen).astype(np.int64)
    place = np.zeros(most, dtype=np.int64)
    place[keys] = np.arange(len(keys))
    return (place.astype(np.uint16) if len(keys) < 1 << 16 else place).take(key), keys


def _heads(keys: Ints, parts: Sequence[CodedColumn]) -> Iterator[SeriesHead]:
    for key in keys.tolist():
        values: dict[str, Any] = {}
        for name, part in reversed(list(zip(_KEYS, parts, strict=True))):
            key, code = divmod(key, len(part.names))
            values[name] = part.names[code]
        yield SeriesHead(lab=bool(values["lab"]), cc=str(values["probe_cc"]), asn=int(values["probe_asn"]),
                         level=str(values["level"]), service=str(values["service"]), role=str(values["role"]),
                         target_id=str(values["target_id"]))


def _versions(table: Any) -> CodedColumn:
    """Program and catalogue together, as far as the table tells."""
    known = [encode_column(table, name, empty="") for name in _VERSIONS if name in list_columns(table)]
    made = known[0] if known else UNTOLD
    for other in known[1:]:
        pairs, codes = np.unique(made.codes.astype(np.int64) * len(other.names) + other.codes, return_inverse=True)
        made = CodedColumn(codes=codes.astype(np.int32), names=tuple(
            f"{made.names[pair // len(other.names)]} {other.names[pair % len(other.names)]}" for pair in pairs))
    return made


def find_cut(table: Any) -> NDArray[np.bool_]:
    """Of which rows of the table the network stopped most, in their own order."""
    network = read_whole_numbers(table, "network")
    cut, some = np.zeros(len(network), dtype=np.bool_), np.flatnonzero(network)
    if not some.size:
        return cut
    rest = np.negative(network[some])
    for name in _BESIDE_CUT:
        if name in list_columns(table):
            rest += read_whole_numbers(table, name)[some]
    cut[some] = rest < 0
    return cut
