"""Cells in order, parted by time and joined again: what lies far back need not be put in order each time."""

from __future__ import annotations

from itertools import chain

import numpy as np

from probe_analysis.events.cell_columns import CodedColumn, SmallInts, shrink
from probe_analysis.events.ordered_cells import OrderedCells
from probe_analysis.events.segments import Ints


def part_before(cells: OrderedCells, until: int) -> OrderedCells:
    """The cells before a number of a cell, as if no others were in the table."""
    chosen = cells.time < until
    bounds = np.concatenate(([0], np.cumsum(chosen)))[cells.bounds]
    some = np.flatnonzero(np.diff(bounds))
    return OrderedCells(
        heads=tuple(cells.heads[number] for number in some.tolist()),
        bounds=np.append(bounds[:-1][some], bounds[-1]), time=cells.time[chosen],
        counts={name: counts[chosen] for name, counts in cells.counts.items()},
        words={name: _without_unused(CodedColumn(codes=column.codes[chosen], names=column.names))
               for name, column in cells.words.items()},
    )


def join_cells(older: OrderedCells, newer: OrderedCells) -> OrderedCells:
    """The cells of one table, of which the one part lies before the other in time.

    Raises ValueError where the parts are of different tables.
    """
    if older.counts.keys() != newer.counts.keys() or older.words.keys() != newer.words.keys():
        raise ValueError("the parts have different columns")
    heads = tuple(sorted({*older.heads, *newer.heads}))
    joining = _Joining(parts=tuple(
        [{head: slice(start, stop) for head, start, stop in zip(part.heads, bounds[:-1], bounds[1:], strict=True)}
         for part in (older, newer) if (bounds := part.bounds.tolist())]), heads=heads)
    return OrderedCells(
        heads=heads, bounds=joining.bounds(), time=joining.join(older.time, newer.time).astype(np.int64, copy=False),
        counts={name: joining.join(counts, newer.counts[name]) for name, counts in older.counts.items()},
        words={name: _join_words(column, newer.words[name], joining) for name, column in older.words.items()},
    )


class _Joining:
    """Where the cells of each series lie in the parts."""

    def __init__(self, parts: tuple[dict[object, slice], ...], heads: tuple[object, ...]) -> None:
        none = slice(0, 0)
        self._places = [tuple(part.get(head, none) for part in parts) for head in heads]

    def bounds(self) -> Ints:
        """Where each series begins once they are joined."""
        sizes = [sum(place.stop - place.start for place in places) for places in self._places]
        return np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)

    def join(self, older: SmallInts, newer: SmallInts) -> SmallInts:
        """A column of both parts, series by series."""
        return np.concatenate(list(chain.from_iterable((older[old], newer[new]) for old, new in self._places)))


def _join_words(older: CodedColumn, newer: CodedColumn, joining: _Joining) -> CodedColumn:
    names = tuple(sorted({*older.names, *newer.names}))
    codes = (_number_again(column, names) for column in (older, newer))
    return CodedColumn(codes=joining.join(*codes), names=names)


def _number_again(column: CodedColumn, names: tuple[object, ...]) -> SmallInts:
    if column.names == names:
        return column.codes
    places = {name: number for number, name in enumerate(names)}
    # What is empty is numbered -1, and so is the last place.
    return shrink(np.array([*(places[name] for name in column.names), -1], dtype=np.int64)).take(column.codes)


def _without_unused(column: CodedColumn) -> CodedColumn:
    """A column whose names all occur."""
    used = np.zeros(len(column.names) + 1, dtype=np.bool_)
    used[column.codes] = True
    used[-1] = False
    places = np.where(used, np.cumsum(used) - 1, -1)
    return CodedColumn(codes=shrink(places).take(column.codes),
                       names=tuple(name for name, is_used in zip(column.names, used, strict=False) if is_used))
