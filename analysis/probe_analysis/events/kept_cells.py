"""The cells of a file in order, of which those that lie far back are kept in order for the next time.

See `probe_analysis.day_cache.day_cache`: the last day in `days/ordered` beside the cells has all that follows from the
first row groups of these. It counts only where the same bytes still begin the file of cells, and the same program wrote
it. What is read is the same with it and without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from probe.store.files.atomic import StoreError, make_folder, replace_whole
from probe_analysis.cells.file_names import DAYS_FOLDER
from probe_analysis.code_digest import digest_code
from probe_analysis.day_cache.day_cache import DayCache, KeptDay
from probe_analysis.events.cell_columns import (
    CodedColumn,
    ParquetColumns,
    SmallInts,
    cell_numbers,
    list_texts,
    shrink,
)
from probe_analysis.events.joined_cells import join_cells, part_before
from probe_analysis.events.ordered_cells import OrderedCells, SeriesHead, order_cells, rises
from probe_analysis.tables.day_numbers import find_day

KEPT_FOLDER = "ordered"
_COLUMNS = "arrow"
_BEFORE = "ordered.arrow"
"""What older versions kept in the folder of days."""
_LEAST_ROWS = 1 << 19
"""So many cells, and a sixteenth of all, are put in order each time; what is kept then lies far enough back."""
_SHARE = 16
_YOUNG = timedelta(days=2)
"""Cells of so short a time before the last one may change with the next runs: none of them is kept."""
_MOST_BYTES = 1 << 32
_ROOMS = ("probe_analysis.cells", "probe_analysis.day_cache", "probe_analysis.events")
"""The code that puts cells in order: another program does it anew."""
_COUNT, _WORD = "count:", "word:"
_TORN = (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError,
         MemoryError, pa.ArrowException)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCells(KeptDay):
    """What the first row groups of a file of cells hold, but for its columns; they end on this day."""

    groups: int
    begin: int
    """The first of them that has cells of `until` or later; else the first that is none of them."""
    until: int
    """Number of the cell that the last row is of: more of this time may lie in the next group."""
    first: int
    """Number of the first cell, which others are counted from."""
    heads: tuple[SeriesHead, ...]
    bounds: tuple[int, ...]
    names: dict[str, tuple[str, ...]]
    """Of each column of words."""


@dataclass(slots=True, kw_only=True)
class CellsCache(DayCache[KeptCells]):
    """Everything that is kept."""

    KINDS: ClassVar[tuple[str, ...]] = (_COLUMNS,)


def read_kept_cells(out: Path, path: Path, step: timedelta) -> OrderedCells:
    """The cells of `path` in order. What is kept in the folder of days of `out` is used and renewed, if there is one.

    Raises CellsError, OSError and ArrowException where the file cannot be read.
    """
    folder = out / DAYS_FOLDER
    if not folder.is_dir():
        return order_cells(ParquetColumns(path), step)
    cache = CellsCache.open(folder / KEPT_FOLDER, out)
    with pq.ParquetFile(path, read_dictionary=list_texts(path)) as file:
        kept = _read_kept(cache, path, file, step)
        joined = _join_newer(*kept, file, step) if kept else None
        cells = joined or order_cells(ParquetColumns(path), step)
        newer = len(cells.time) - (len(kept[1].time) if kept and joined else 0)
        if newer > max(_LEAST_ROWS, len(cells.time) // _SHARE):
            with suppress(StoreError, *_TORN):
                _keep(cache, path, file, cells, step)
                (folder / _BEFORE).unlink(missing_ok=True)
    return cells


def _join_newer(kept: KeptCells, older: OrderedCells, file: pq.ParquetFile, step: timedelta) -> OrderedCells | None:
    """What is kept and the cells since; None where the file is not in order of time."""
    table = file.read_row_groups(list(range(kept.begin, file.metadata.num_row_groups)))
    table = _cut_off(table, cell_numbers(table, "cell_start", step) >= kept.until)
    if len(older.time) + table.num_rows != file.metadata.num_rows:
        return None
    try:
        return join_cells(older, order_cells(table, step)) if table.num_rows else older
    except ValueError:
        return None


def _cut_off(table: pa.Table, chosen: NDArray[np.bool_]) -> pa.Table:
    """The chosen rows: without a copy where they are the last ones, as in a file in order of time."""
    first = len(chosen) - int(np.count_nonzero(chosen))
    return table.slice(first) if chosen[first:].all() else table.filter(pa.array(chosen))


def _keep(cache: CellsCache, path: Path, file: pq.ParquetFile, cells: OrderedCells, step: timedelta) -> None:
    """Keeps the cells of the row groups that end some days before the last cell."""
    last = int(cells.time.max()) - _YOUNG // step
    groups = begin = until = 0
    for group in range(file.metadata.num_row_groups):
        times = cell_numbers(file.read_row_group(group, columns=["cell_start"]), "cell_start", step)
        if np.any(np.diff(times) < 0) or times[0] < until:
            return
        if times[-1] > last:
            break
        begin = group if int(times[-1]) > until else begin
        groups, until = group + 1, int(times[-1])
    older = part_before(cells, until)
    if not len(older.time):
        return
    day = find_day(until * step // timedelta(days=1)).isoformat()
    kept = KeptCells(key=_digest(path, file, groups, step), groups=groups, begin=begin, until=until,
                     first=int(older.time.min()), heads=older.heads, bounds=tuple(older.bounds.tolist()),
                     names={name: column.names for name, column in older.words.items()})
    columns = {"time": shrink(older.time - kept.first),
               **{_COUNT + name: counts for name, counts in older.counts.items()},
               **{_WORD + name: column.codes for name, column in older.words.items()}}
    table = pa.table(columns)
    make_folder(cache.folder)
    with (replace_whole(cache.path(day, _COLUMNS, kept.key)) as temporary,
          pa.ipc.new_file(temporary, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer):
        writer.write_table(table)
    cache.days = {day: replace(kept, size=cache.measure(day, kept.key))}
    cache.save()


def _read_kept(cache: CellsCache, path: Path, file: pq.ParquetFile,
               step: timedelta) -> tuple[KeptCells, OrderedCells] | None:
    """What is kept; None where there is nothing, where it is torn, or of other cells."""
    for day, kept in cache.days.items():
        if not (kept.groups and 0 <= kept.begin <= kept.groups <= file.metadata.num_row_groups
                and kept.size <= _MOST_BYTES and cache.is_whole(day)
                and kept.key == _digest(path, file, kept.groups, step)):
            continue
        with suppress(*_TORN):
            with pa.OSFile(str(cache.path(day, _COLUMNS))) as source:
                table = pa.ipc.open_file(source).read_all()
            table.validate(full=True)
            cells = _cells_from(kept, table)
            if _is_sound(cells, kept.until):
                return kept, cells
    return None


def _cells_from(kept: KeptCells, table: pa.Table) -> OrderedCells:
    columns = {name: _read_column(table[name]) for name in table.schema.names}
    return OrderedCells(
        heads=kept.heads, bounds=np.array(kept.bounds, dtype=np.int64),
        time=columns["time"].astype(np.int64) + kept.first,
        counts={name.removeprefix(_COUNT): column for name, column in columns.items() if name.startswith(_COUNT)},
        words={name: CodedColumn(codes=columns[_WORD + name], names=names) for name, names in kept.names.items()},
    )


def _read_column(column: pa.ChunkedArray) -> SmallInts:
    """The numbers of a column, without a copy where it is in one piece."""
    whole = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return np.asarray(whole.to_numpy(zero_copy_only=False))


def _is_sound(cells: OrderedCells, until: int) -> bool:
    """Whether the parts fit each other."""
    sizes = np.diff(cells.bounds)
    if len(sizes) != len(cells.heads) or cells.bounds[0] != 0 or cells.bounds[-1] != len(cells.time):
        return False
    if not (sizes > 0).all() or int(cells.time.max()) >= until or list(cells.heads) != sorted({*cells.heads}):
        return False
    fits = [int(column.codes.min()) >= -1 and int(column.codes.max()) < len(column.names)
            and list(column.names) == sorted({*column.names}) for column in cells.words.values()]
    whole = [np.issubdtype(counts.dtype, np.integer) for counts in cells.counts.values()]
    return rises(cells.time, cells.bounds) and all(fits) and all(whole)


def _digest(path: Path, file: pq.ParquetFile, groups: int, step: timedelta) -> str:
    """Of all that the cells of the first row groups in order follow from."""
    program = digest_code(*_ROOMS, versions=(pa.__version__,))
    made = sha256(f"{program} {step} {file.schema_arrow} {file.schema_arrow.metadata}".encode())
    left = _find_end(file.metadata.row_group(groups - 1))
    with path.open("rb") as source:
        while left and (part := source.read(min(left, 1 << 20))):
            made.update(part)
            left -= len(part)
    return made.hexdigest()


def _find_end(group: Any) -> int:
    """Where in its file a row group is over."""
    columns: Sequence[Any] = [group.column(number) for number in range(group.num_columns)]
    return max(int(column.dictionary_page_offset or column.data_page_offset) + int(column.total_compressed_size)
               for column in columns)
