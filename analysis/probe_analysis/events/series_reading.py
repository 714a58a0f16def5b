"""From the cell table to series: which cells are counted in them, and how networks fared as a whole.

Series are slices of arrays that they share: tens of millions of cells fit a small machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probe.core.tables.name_ages import NameStanding
from probe_analysis.events.cell_columns import CodedColumn, SmallInts
from probe_analysis.events.cell_series import HOUR, CellPlace, CellSeries, CellTable, NetworkVolume
from probe_analysis.events.hello_tracks import HelloTrack, HelloWords, choose_cells, read_words
from probe_analysis.events.ordered_cells import OrderedCells, order_cells
from probe_analysis.events.segments import Ints

_STANDINGS: tuple[NameStanding, ...] = ("fresh", "established")


def read_cells(table: Any, step: timedelta = HOUR, *, witnesses_told: bool = True) -> CellTable:
    """Series from a cell table: a pandas frame, an Arrow table, or a mapping of columns to arrays.

    Optional columns: `witnesses`, `confirmed`, `block_type`, `standing`, `hellos` with `struck_hellos`, those of
    failures by layer and `failure_type`, and `software_version` or `catalogue_version` (those of most verdicts of the
    cell). `witnesses_told`: the column counts probes, rather than standing for what nobody knows.
    Raises CellsError for missing columns and for cells that occur twice.
    """
    return make_series(order_cells(table, step), step, witnesses_told=witnesses_told)


def make_series(cells: OrderedCells, step: timedelta, *, witnesses_told: bool) -> CellTable:
    """Series from cells in order.

    Rows of roles are used, and those of targets; rows of whole services only where a service has neither.
    """
    if not cells.time.size:
        return CellTable(step=step, series=(), volumes=(), block_types=(), failing={}, version_names=(), first=0,
                         last=0)
    types, versions = cells.word("block_type"), cells.word("version")
    making = _Making(cells=cells, hellos=_read_hellos(cells), witnesses_told=witnesses_told)
    wanted = _find_wanted(cells)
    series = tuple(_series(making, cells.counts["blocked"], types, wanted, cells.counts.get("confirmed")))
    failing, words = _failing(making, wanted, len(types.names))
    return CellTable(
        step=step, volumes=tuple(_volumes(making)), series=series, failing=failing,
        block_types=(*map(str, types.names), *words), version_names=tuple(map(str, versions.names)),
        first=int(cells.time.min()), last=int(cells.time.max()),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Hellos:
    """What the table has of the volunteers' own hellos."""

    sent: CodedColumn
    struck: CodedColumn
    words: HelloWords


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Making:
    """Cells, and what their words say."""

    cells: OrderedCells
    hellos: _Hellos | None
    witnesses_told: bool


def _read_hellos(cells: OrderedCells) -> _Hellos | None:
    sent, struck = cells.word("hellos"), cells.word("struck_hellos")
    words = read_words(sent, struck) if sent.names else None
    return _Hellos(sent=sent, struck=struck, words=words) if words else None


def _find_wanted(cells: OrderedCells) -> NDArray[np.bool_]:
    """Which series are used: roles and targets, and services that have neither."""
    finer = {(head.place, head.service) for head in cells.heads if head.level != "service"}
    return np.array([head.level != "service" or (head.place, head.service) not in finer for head in cells.heads])


def _series(making: _Making, blocked: SmallInts, types: CodedColumn, chosen: NDArray[np.bool_],
            confirmed: SmallInts | None, *, of_failures: bool = False) -> Iterator[CellSeries]:
    """The chosen series, in the order of their names, with `blocked` and what is ok as what was decided."""
    cells = making.cells
    ok = cells.counts["ok"]
    kept = np.flatnonzero(((ok > 0) | (blocked > 0)) & np.repeat(chosen, np.diff(cells.bounds)))
    edges = np.searchsorted(kept, cells.bounds)
    times, decided = cells.time.take(kept), np.add(ok.take(kept), blocked.take(kept), dtype=np.int64)
    hit, sure, witnesses = (_keep_count(counts, kept, absent) for counts, absent in (
        (blocked, 0), (confirmed, 0), (cells.counts.get("witnesses"), 1)))
    kinds, made_by = (_keep_column(column, kept) for column in (types, cells.word("version")))
    fresh, settled = (_keep_word(cells.word("standing"), word, kept) for word in _STANDINGS)
    hellos = _track(making.hellos, times, kept, of_failures=of_failures)
    for head, start, stop, is_chosen in zip(cells.heads, edges[:-1], edges[1:], chosen, strict=True):
        if not is_chosen:
            continue
        part = slice(int(start), int(stop))
        yield CellSeries(
            place=head.place, service=head.service, role=head.role,
            target_id=head.target_id if head.level == "target" else "", times=times[part], blocked=hit[part],
            decided=decided[part], witnesses=witnesses[part], confirmed=sure[part], types=kinds[part],
            versions=made_by[part], witnesses_told=making.witnesses_told,
            fresh=_any(fresh, part), settled=_any(settled, part),
            hellos=(choose_cells(hellos, part),) if hellos else (),
        )


def _track(hellos: _Hellos | None, times: Ints, kept: Ints, *, of_failures: bool) -> HelloTrack | None:
    if hellos is None:
        return None
    # Numbers as small as they fit, since every cell has two of them.
    sent, struck = (column.codes.take(kept).astype(np.min_scalar_type(len(column.names)))
                    for column in (hellos.sent, hellos.struck))
    return HelloTrack(times=times, sent=sent, struck=struck, words=hellos.words, of_failures=of_failures)


def _failing(making: _Making, wanted: NDArray[np.bool_],
             offset: int) -> tuple[dict[int, CellSeries], tuple[str, ...]]:
    """The series in which more failed than was found blocked, by their place among all that are wanted, and the words
    of their causes, whose numbers begin at `offset`."""
    cells = making.cells
    failed, blocked = cells.counts.get("failed"), cells.counts["blocked"]
    if failed is None:
        return {}, ()
    more = failed > blocked
    chosen = wanted & (np.add.reduceat(more, cells.bounds[:-1], dtype=np.int64) > 0)
    if not chosen.any():
        return {}, ()
    causes = cells.word("failure_type")
    types = replace(causes, codes=causes.codes.astype(np.int32) + np.int32(offset))
    places = (np.cumsum(wanted) - 1)[chosen]
    made = _series(making, np.maximum(failed, blocked), types, chosen, None, of_failures=True)
    return dict(zip(places.tolist(), made, strict=True)), tuple(map(str, causes.names))


def _keep_count(counts: SmallInts | None, kept: Ints, absent: int) -> Ints:
    """What a column counts in these cells; the same number everywhere where there is no such column."""
    return np.full(len(kept), absent, dtype=np.int64) if counts is None else counts.take(kept).astype(np.int64)


def _keep_column(column: CodedColumn, kept: Ints) -> NDArray[np.int32]:
    """What a column says of these cells; -1 where there is no such column."""
    return column.codes.take(kept).astype(np.int32) if column.names else np.full(len(kept), -1, dtype=np.int32)


def _keep_word(column: CodedColumn, word: NameStanding, kept: Ints | None = None) -> NDArray[np.bool_] | None:
    """Which of these cells say a word; None where none does."""
    if word not in column.names:
        return None
    says_word: NDArray[np.bool_] = column.codes == column.names.index(word)
    return says_word if kept is None else says_word.take(kept)


def _any(marked: NDArray[np.bool_] | None, part: slice) -> NDArray[np.bool_] | None:
    return marked[part] if marked is not None and marked[part].any() else None


def _volumes(making: _Making) -> Iterator[NetworkVolume]:
    """Per network: how many services were measured in each cell, and how many of them the whole network stopped."""
    cells, cut = making.cells, making.cells.counts["cut"].astype(np.bool_)
    counted = cells.counts.get("witnesses") if making.witnesses_told else None
    fresh, settled = (_keep_word(cells.word("standing"), word) for word in _STANDINGS)
    places: dict[CellPlace, list[int]] = {}
    for number, head in enumerate(cells.heads):
        places.setdefault(head.place, []).append(number)
    for place, numbers in places.items():
        here = slice(int(cells.bounds[numbers[0]]), int(cells.bounds[numbers[-1] + 1]))
        time = cells.time[here]
        names = sorted({cells.heads[number].service for number in numbers})
        service = np.repeat([names.index(cells.heads[number].service) for number in numbers],
                            np.diff(cells.bounds)[numbers])
        witnesses = np.ones(len(time), dtype=np.int64) if counted is None else counted[here].astype(np.int64)
        made = _volume(place, time, service, len(names), cut[here], witnesses)
        yield replace(made, fresh=_find_times(made, time, _any(fresh, here)),
                      settled=_find_times(made, time, _any(settled, here)))


def _find_times(made: NetworkVolume, time: Ints, marked: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    """At which times of a network any of its cells is marked."""
    return None if marked is None else np.isin(made.times, time[marked])


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
