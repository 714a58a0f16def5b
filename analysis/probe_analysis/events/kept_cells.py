"""The cells of a file in order, of which those that lie far back are kept in order for the next time.

The file `days/ordered.arrow` beside the cells has all that follows from the first row groups of these: columns of
numbers, so nothing in it can run. It counts only where the same bytes still begin the file of cells, and the same
program wrote it. What is read is the same with it and without it. It can be removed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from probe.store.files.atomic import StoreError, replace_whole
from probe_analysis.cells.file_names import DAYS_FOLDER
from probe_analysis.code_digest import digest_code
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

KEPT_FILE = "ordered.arrow"
_LEAST_ROWS = 1 << 19
"""So many cells, and a sixteenth of all, are put in order each time; what is kept then lies far enough back."""
_SHARE = 16
_YOUNG = timedelta(days=2)
"""Cells of so short a time before the last one may change with the next runs: none of them is kept."""
_MOST_BYTES = 1 << 32
_COUNT, _WORD = "count:", "word:"
_TORN = (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, MemoryError,
         pa.ArrowException)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prefix:
    """The first row groups of a file of cells."""

    groups: int
    begin: int
    """The first of them that has cells of `until` or later; else the first that is none of them."""
    rows: int
    """Cells of them that lie before `until`."""
    until: int
    """Number of the cell that the last row is of: more of this time may lie in the next group."""
    digest: str
    """Of the groups' bytes, of the columns and of the program."""


def read_kept_cells(out: Path, path: Path, step: timedelta) -> OrderedCells:
    """The cells of `path` in order. What is kept in the folder of days of `out` is used and renewed, if there is one.

    Raises CellsError, OSError and ArrowException where the file cannot be read.
    """
    folder = out / DAYS_FOLDER
    if not folder.is_dir():
        return order_cells(ParquetColumns(path), step)
    with pq.ParquetFile(path, read_dictionary=list_texts(path)) as file:
        kept = _read_kept(folder / KEPT_FILE, path, file)
        joined = _join_newer(kept, file, step) if kept else None
        cells = joined or order_cells(ParquetColumns(path), step)
        newer = len(cells.time) - (kept[0].rows if kept and joined else 0)
        if newer > max(_LEAST_ROWS, len(cells.time) // _SHARE):
            with suppress(StoreError, *_TORN):
                _keep(folder / KEPT_FILE, path, file, cells, step)
    return cells


def _join_newer(kept: tuple[_Prefix, OrderedCells], file: pq.ParquetFile, step: timedelta) -> OrderedCells | None:
    """What is kept and the cells since; None where the file is not in order of time."""
    prefix, older = kept
    table = file.read_row_groups(list(range(prefix.begin, file.metadata.num_row_groups)))
    table = _cut_off(table, cell_numbers(table, "cell_start", step) >= prefix.until)
    if prefix.rows + table.num_rows != file.metadata.num_rows:
        return None
    try:
        return join_cells(older, order_cells(table, step)) if table.num_rows else older
    except ValueError:
        return None


def _cut_off(table: pa.Table, chosen: NDArray[np.bool_]) -> pa.Table:
    """The chosen rows: without a copy where they are the last ones, as in a file in order of time."""
    first = len(chosen) - int(np.count_nonzero(chosen))
    return table.slice(first) if chosen[first:].all() else table.filter(pa.array(chosen))


def _keep(to: Path, path: Path, file: pq.ParquetFile, cells: OrderedCells, step: timedelta) -> None:
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
    prefix = _Prefix(groups=groups, begin=begin, rows=len(older.time), until=until, digest=_digest(path, file, groups))
    _write_kept(to, prefix, older)


def _write_kept(to: Path, prefix: _Prefix, cells: OrderedCells) -> None:
    first = int(cells.time.min())
    told = {"groups": prefix.groups, "begin": prefix.begin, "until": prefix.until, "digest": prefix.digest,
            "first": first, "heads": [[head.lab, head.cc, head.asn, head.level, head.service, head.role, head.target_id]
                      for head in cells.heads],
            "bounds": cells.bounds.tolist(), "names": {name: column.names for name, column in cells.words.items()}}
    columns = {"time": shrink(cells.time - first),
               **{_COUNT + name: counts for name, counts in cells.counts.items()},
               **{_WORD + name: column.codes for name, column in cells.words.items()}}
    table = pa.table(columns).replace_schema_metadata({"kept": json.dumps(told, separators=(",", ":"))})
    with (replace_whole(to) as temporary,
          pa.ipc.new_file(temporary, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer):
        writer.write_table(table)


def _read_kept(kept: Path, path: Path, file: pq.ParquetFile) -> tuple[_Prefix, OrderedCells] | None:
    """What is kept; None where there is nothing, where it is torn, or of other cells."""
    try:
        if kept.stat().st_size > _MOST_BYTES:
            return None
        with pa.OSFile(str(kept)) as source:
            reader = pa.ipc.open_file(source)
            told = json.loads(reader.schema.metadata[b"kept"])
            groups = int(told["groups"])
            if not 0 < groups <= file.metadata.num_row_groups or told["digest"] != _digest(path, file, groups):
                return None
            table = reader.read_all()
        table.validate(full=True)
        cells = _cells_from(told, table)
        prefix = _Prefix(groups=groups, begin=max(0, int(told["begin"])), rows=len(cells.time),
                         until=int(told["until"]), digest=told["digest"])
        return (prefix, cells) if _is_sound(cells, prefix) else None
    except _TORN:
        return None


def _cells_from(told: dict[str, Any], table: pa.Table) -> OrderedCells:
    columns = {name: _read_column(table[name]) for name in table.schema.names}
    return OrderedCells(
        heads=tuple(SeriesHead(lab=bool(lab), cc=str(cc), asn=int(asn), level=str(level), service=str(service),
                               role=str(role), target_id=str(target_id))
                    for lab, cc, asn, level, service, role, target_id in told["heads"]),
        bounds=np.array(told["bounds"], dtype=np.int64), time=columns["time"].astype(np.int64) + int(told["first"]),
        counts={name.removeprefix(_COUNT): column for name, column in columns.items() if name.startswith(_COUNT)},
        words={name: CodedColumn(codes=columns[_WORD + name], names=tuple(map(str, names)))
               for name, names in told["names"].items()},
    )


def _read_column(column: pa.ChunkedArray) -> SmallInts:
    """The numbers of a column, without a copy where it is in one piece."""
    whole = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return np.asarray(whole.to_numpy(zero_copy_only=False))


def _is_sound(cells: OrderedCells, prefix: _Prefix) -> bool:
    """Whether the parts fit each other."""
    sizes = np.diff(cells.bounds)
    if len(sizes) != len(cells.heads) or cells.bounds[0] != 0 or cells.bounds[-1] != len(cells.time):
        return False
    if not (sizes > 0).all() or int(cells.time.max()) >= prefix.until or list(cells.heads) != sorted({*cells.heads}):
        return False
    fits = [int(column.codes.min()) >= -1 and int(column.codes.max()) < len(column.names)
            and list(column.names) == sorted({*column.names}) for column in cells.words.values()]
    whole = [np.issubdtype(counts.dtype, np.integer) for counts in cells.counts.values()]
    return rises(cells.time, cells.bounds) and all(fits) and all(whole)


def _digest(path: Path, file: pq.ParquetFile, groups: int) -> str:
    """Of all that the cells of the first row groups in order follow from."""
    made = sha256(f"{_digest_program()} {file.schema_arrow} {file.schema_arrow.metadata}".encode())
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


@cache
def _digest_program() -> str:
    """A digest of the code that puts cells in order: another program does it anew."""
    return digest_code((Path(__file__).parents[1] / name for name in ("cells", "events")), pa.__version__)
