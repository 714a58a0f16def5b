"""From the cell table to series: which rows belong together, and in which order.

Only one column is held beside what is made of those before it, and series are slices of arrays that they share: tens of
millions of cells fit a small machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probe.core.tables.name_ages import NameStanding
from probe.research.cells.failure_layers import FAILED
from probe.research.events.cell_columns import (
    CellsError,
    CodedColumn,
    cell_numbers,
    encode_column,
    gather,
    list_columns,
    read_whole_numbers,
)
from probe.research.events.cell_series import HOUR, CellPlace, CellSeries, CellTable, NetworkVolume
from probe.research.events.hello_tracks import HelloTrack, HelloWords, choose_cells, read_words
from probe.research.events.segments import Ints

_TEXTS = ("probe_cc", "level", "service", "role", "target_id")
_KEYS = ("lab", "probe_cc", "probe_asn", "level", "service", "role", "target_id")
_COUNTS = ("ok", "blocked", "network")
_OPTIONAL = ("witnesses", "confirmed", "down", "local", "inconclusive")
_STANDINGS: tuple[NameStanding, ...] = ("fresh", "established")
_VERSIONS = ("software_version", "catalogue_version")
_FEW_KEYS = 1 << 24
"""A table of so many keys is quicker than to sort them."""
_MOST_SMALL = 1 << 28
"""So many keys fit 32 bits, which take half the time, even where a column is empty and numbered -1."""
_UNTOLD = CodedColumn(codes=np.zeros(0, dtype=np.int32), names=())
"""A column that is not there."""
REQUIRED = ("lab", "probe_asn", "cell_start", *_TEXTS, *_COUNTS)


def read_cells(table: Any, step: timedelta = HOUR, *, witnesses_told: bool = True) -> CellTable:
    """Series from a cell table: a pandas frame, an Arrow table, or a mapping of columns to arrays.

    Rows of roles are used, and those of targets; rows of whole services only where a service has neither. Optional
    columns: `witnesses`, `confirmed`, `block_type`, `standing`, `hellos` with `struck_hellos`, those of failures by
    layer and `failure_type`, and `software_version` or `catalogue_version` (those of most verdicts of the cell).
    `witnesses_told`: the column counts probes, rather than standing for what nobody knows.
    Raises CellsError for missing columns and for cells that occur twice.
    """
    missing = [name for name in REQUIRED if name not in list_columns(table)]
    if missing:
        raise CellsError(f"the cell table lacks {', '.join(missing)}; see docs/analysis.md for its columns")
    time = cell_numbers(table, "cell_start", step)
    if not time.size:
        return CellTable(step=step, series=(), volumes=(), block_types=(), failing={}, version_names=(), first=0,
                         last=0)
    rows = _rows(table, time)
    types, versions = _optional(table, "block_type"), _versions(table)
    first, last = int(rows.time.min()), int(rows.time.max())
    reading = _Reading(table=table, rows=rows, versions=versions, witnesses_told=witnesses_told,
                       standing=_optional(table, "standing"), hellos=_read_hellos(table),
                       witnesses=_order(table, rows, "witnesses", 1))
    wanted = reading.wanted()
    series = tuple(_series(reading, reading.ordered("blocked"), types, wanted, reading.ordered("confirmed")))
    failing, words = _failing(reading, wanted, len(types.names))
    return CellTable(
        step=step, volumes=tuple(_volumes(reading)), series=series, failing=failing,
        block_types=(*map(str, types.names), *words), version_names=tuple(map(str, versions.names)), first=first,
        last=last,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """What all rows of a series have in common."""

    place: CellPlace
    level: str
    service: str
    role: str
    target_id: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rows:
    """How the rows of the table are to be put in order: by series, and each by time."""

    order: Ints
    heads: tuple[_Head, ...]
    bounds: Ints
    """Where each series begins in that order, and where the last ends."""
    time: Ints
    """In that order."""


def _rows(table: Any, time: Ints) -> _Rows:
    key: Ints | NDArray[np.int32] = np.zeros(len(time), dtype=np.int32)
    parts: list[CodedColumn] = []
    most = 1
    for name in _KEYS:
        part = encode_column(table, name, empty="" if name in _TEXTS else None)
        most *= len(part.names)
        key = key if most <= _MOST_SMALL else key.astype(np.int64, copy=False)
        key *= len(part.names)
        key += part.codes
        parts.append(CodedColumn(codes=_UNTOLD.codes, names=part.names))
    number, keys = _number_keys(key, most)
    # Few numbers are sorted digit by digit, in a time that grows with the rows alone.
    order = np.argsort(number.astype(np.uint16, copy=False) if len(keys) < 1 << 16 else number, kind="stable")
    bounds = np.concatenate(([0], np.cumsum(np.bincount(number, minlength=len(keys)))))
    ordered = gather(time, order)
    if not _rises(ordered, bounds):  # the table is not in order of time, as the cells of this program are
        order = np.lexsort((time, number))
        ordered = gather(time, order)
        if not _rises(ordered, bounds):
            raise CellsError("a cell occurs twice in the table; count each verdict once")
    return _Rows(order=np.asarray(order, dtype=np.int64), heads=tuple(_heads(keys, parts)), bounds=bounds, time=ordered)


def _rises(time: Ints, bounds: Ints) -> bool:
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


def _heads(keys: Ints, parts: Sequence[CodedColumn]) -> Iterator[_Head]:
    for key in keys.tolist():
        told: dict[str, Any] = {}
        for name, part in reversed(list(zip(_KEYS, parts, strict=True))):
            key, code = divmod(key, len(part.names))
            told[name] = part.names[code]
        yield _Head(place=CellPlace(lab=bool(told["lab"]), cc=str(told["probe_cc"]), asn=int(told["probe_asn"])),
                    level=str(told["level"]), service=str(told["service"]), role=str(told["role"]),
                    target_id=str(told["target_id"]))


def _order(table: Any, rows: _Rows, name: str, absent: int) -> Ints:
    if name not in list_columns(table):
        return np.full(len(rows.order), absent, dtype=np.int64)
    return gather(read_whole_numbers(table, name), rows.order)


def _optional(table: Any, name: str) -> CodedColumn:
    return encode_column(table, name) if name in list_columns(table) else _UNTOLD


def _versions(table: Any) -> CodedColumn:
    """Program and catalogue together, as far as the table tells."""
    known = [encode_column(table, name, empty="") for name in _VERSIONS if name in list_columns(table)]
    made = known[0] if known else _UNTOLD
    for other in known[1:]:
        pairs, codes = np.unique(made.codes.astype(np.int64) * len(other.names) + other.codes, return_inverse=True)
        made = CodedColumn(codes=codes.astype(np.int32), names=tuple(
            f"{made.names[pair // len(other.names)]} {other.names[pair % len(other.names)]}" for pair in pairs))
    return made


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Hellos:
    """What the table tells of the volunteers' own hellos."""

    sent: CodedColumn
    struck: CodedColumn
    words: HelloWords


def _read_hellos(table: Any) -> _Hellos | None:
    if not {"hellos", "struck_hellos"} <= list_columns(table):
        return None
    sent, struck = (encode_column(table, name, empty="") for name in ("hellos", "struck_hellos"))
    words = read_words(sent, struck)
    return _Hellos(sent=sent, struck=struck, words=words) if words else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Reading:
    """A table, and the order of its rows."""

    table: Any
    rows: _Rows
    versions: CodedColumn
    standing: CodedColumn
    hellos: _Hellos | None
    witnesses: Ints
    """In the order of series; 1 where there is no such column."""
    witnesses_told: bool

    def ordered(self, name: str) -> Ints:
        """A column of numbers in the order of series; 0 where there is none."""
        return _order(self.table, self.rows, name, 0)

    def wanted(self) -> NDArray[np.bool_]:
        """Which series are used: roles and targets, and services that have neither."""
        heads = self.rows.heads
        finer = {(head.place, head.service) for head in heads if head.level != "service"}
        return np.array([head.level != "service" or (head.place, head.service) not in finer for head in heads])


def _series(reading: _Reading, blocked: Ints, types: CodedColumn, chosen: NDArray[np.bool_],
            confirmed: Ints | None = None) -> Iterator[CellSeries]:
    """The chosen series, in the order of their names, with `blocked` and what is ok as what was decided."""
    rows = reading.rows
    decided = reading.ordered("ok") + blocked
    kept = np.flatnonzero((decided > 0) & np.repeat(chosen, np.diff(rows.bounds)))
    edges, at = np.searchsorted(kept, rows.bounds), rows.order.take(kept)
    blocked, decided, times = blocked.take(kept), decided.take(kept), rows.time.take(kept)
    sure = np.zeros(len(kept), dtype=np.int64) if confirmed is None else confirmed.take(kept)
    witnesses = reading.witnesses.take(kept)
    kinds, made_by = (_keep_column(column, at) for column in (types, reading.versions))
    fresh, settled = (_keep_word(reading.standing, word, at) for word in _STANDINGS)
    hellos = _track(reading.hellos, times, at, of_failures=confirmed is None)
    for head, start, stop, is_chosen in zip(rows.heads, edges[:-1], edges[1:], chosen, strict=True):
        if not is_chosen:
            continue
        part = slice(int(start), int(stop))
        yield CellSeries(
            place=head.place, service=head.service, role=head.role,
            target_id=head.target_id if head.level == "target" else "", times=times[part], blocked=blocked[part],
            decided=decided[part], witnesses=witnesses[part], confirmed=sure[part], types=kinds[part],
            versions=made_by[part], witnesses_told=reading.witnesses_told,
            fresh=_any(fresh, part), settled=_any(settled, part),
            hellos=(choose_cells(hellos, part),) if hellos else (),
        )


def _track(told: _Hellos | None, times: Ints, at: Ints, *, of_failures: bool) -> HelloTrack | None:
    if told is None:
        return None
    # Numbers as small as they fit, since every cell has two of them.
    sent, struck = (column.codes.take(at).astype(np.min_scalar_type(len(column.names)))
                    for column in (told.sent, told.struck))
    return HelloTrack(times=times, sent=sent, struck=struck, words=told.words, of_failures=of_failures)


def _failing(reading: _Reading, wanted: NDArray[np.bool_],
             offset: int) -> tuple[dict[int, CellSeries], tuple[str, ...]]:
    """The series in which more failed than was found blocked, by their place among all that are wanted, and the words
    of their causes, whose numbers begin at `offset`."""
    table, rows = reading.table, reading.rows
    if any(name not in list_columns(table) for name in (*FAILED, "failure_type")):
        return {}, ()
    failed, blocked = np.zeros(len(rows.order), dtype=np.int64), read_whole_numbers(table, "blocked")
    for name in FAILED:
        failed += read_whole_numbers(table, name)
    if not (failed > blocked).any():
        return {}, ()
    more = (failed > blocked).take(rows.order)
    failed = gather(np.maximum(failed, blocked), rows.order)
    chosen = wanted & (np.add.reduceat(more, rows.bounds[:-1]) > 0)
    if not chosen.any():
        return {}, ()
    causes = encode_column(table, "failure_type", empty="")
    words = tuple(map(str, causes.names))
    types = replace(causes, codes=causes.codes + np.int32(offset))
    places = (np.cumsum(wanted) - 1)[chosen]
    made = _series(reading, failed, types, chosen)
    return dict(zip(places.tolist(), made, strict=True)), words


def _keep_column(column: CodedColumn, at: Ints) -> NDArray[np.int32]:
    """What a column says of these rows; -1 where there is no such column."""
    return gather(column.codes, at) if column.names else np.full(len(at), -1, dtype=np.int32)


def _keep_word(column: CodedColumn, word: NameStanding, at: Ints) -> NDArray[np.bool_] | None:
    """Which of these rows say a word; None where none does."""
    if word not in column.names:
        return None
    told: NDArray[np.bool_] = column.codes == column.names.index(word)
    return told.take(at)


def _any(told: NDArray[np.bool_] | None, part: slice) -> NDArray[np.bool_] | None:
    return told[part] if told is not None and told[part].any() else None


def _volumes(reading: _Reading) -> Iterator[NetworkVolume]:
    """Per network: how many services were measured in each cell, and how many of them the whole network stopped."""
    rows, cut = reading.rows, _is_cut(reading.table).take(reading.rows.order)
    witnesses = reading.witnesses if reading.witnesses_told else np.ones(len(rows.order), dtype=np.int64)
    fresh, settled = (_keep_word(reading.standing, word, rows.order) for word in _STANDINGS)
    places: dict[CellPlace, list[int]] = {}
    for number, head in enumerate(rows.heads):
        places.setdefault(head.place, []).append(number)
    for place, numbers in places.items():
        here = slice(int(rows.bounds[numbers[0]]), int(rows.bounds[numbers[-1] + 1]))
        names = sorted({rows.heads[number].service for number in numbers})
        service = np.repeat([names.index(rows.heads[number].service) for number in numbers],
                            np.diff(rows.bounds)[numbers])
        made = _volume(place, rows.time[here], service, len(names), cut[here], witnesses[here])
        yield replace(made, fresh=_find_times(fresh, here, rows, made), settled=_find_times(settled, here, rows, made))


def _is_cut(table: Any) -> NDArray[np.bool_]:
    """Of which rows of the table the network stopped most, in their own order."""
    network = read_whole_numbers(table, "network")
    cut, some = np.zeros(len(network), dtype=np.bool_), np.flatnonzero(network)
    if not some.size:
        return cut
    rest = np.negative(network[some])
    for name in ("ok", "blocked", "down", "local", "inconclusive"):
        if name in list_columns(table):
            rest += read_whole_numbers(table, name)[some]
    cut[some] = rest < 0
    return cut


def _find_times(told: NDArray[np.bool_] | None, here: slice, rows: _Rows, made: NetworkVolume,
                ) -> NDArray[np.bool_] | None:
    """At which times of a network any of its rows is told."""
    mine = _any(told, here)
    return None if mine is None else np.isin(made.times, rows.time[here][mine])


def _volume(place: CellPlace, time: Ints, service: Ints, services: int, cut: NDArray[np.bool_],
            witnesses: Ints) -> NetworkVolume:
    first = int(time.min())
    times = np.flatnonzero(np.bincount(time - first))
    at = np.zeros(int(times[-1]) + 1, dtype=np.int64)
    at[times] = np.arange(len(times))
    at = at[time - first]
    shape = (len(times), services)
    pair = at * services + service
    rows_in = np.bincount(pair, minlength=len(times) * services).reshape(shape)
    cut_in = np.bincount(pair[cut], minlength=len(times) * services).reshape(shape)
    most = np.zeros(len(times), dtype=np.int64)
    np.maximum.at(most, at, witnesses)
    return NetworkVolume(place=place, times=times + first, cut=(2 * cut_in > rows_in).sum(axis=1),
                         measured=(rows_in > 0).sum(axis=1), witnesses=most)
