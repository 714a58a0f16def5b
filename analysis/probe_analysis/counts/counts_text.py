"""The columns of a file of counts as texts, whatever its separator and encoding; and which lines are no rows."""

from __future__ import annotations

import codecs
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from probe.core.counted_words import choose_word, count_things
from probe.store.files.atomic import StoreError, translate_os_errors
from probe_analysis.counts.ooni_analysis import COLUMNS, count_analysis, is_analysis

NEEDED = ("time", "network", "target", "n", "failed")
OPTIONAL = ("witnesses", "service", "role", "version", "country")
MOST_ROWS = 50_000_000
MOST_TORN = 1_000_000
"""So many lines with another number of columns are reported by number; a file with more of them is none of counts."""
MOST_COLUMNS = 1000
_MOST_BYTES = 4 << 30
_HEAD_BYTES = 1 << 20
_SEPARATORS = (",", ";", "\t", "|")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_PARQUET = b"PAR1"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountsText:
    """The columns that are there, by the names in `NEEDED` and `OPTIONAL`."""

    columns: dict[str, pa.ChunkedArray]
    lines: NDArray[np.int64]
    """Line of each row in the file, from 1; of Parquet the row."""
    torn: tuple[int, int]
    """How many lines have another number of columns, and the first of them; 0 where there is none."""
    undecided: tuple[int, int] = (0, 0)
    """The same of rows of an analysis that say neither that something failed nor that it is well."""


_BLANK = b" \t\r\n\xef\xbb\xbf\xff\xfe"
"""Space, and the marks of encodings."""


def read_counts_text(path: Path) -> CountsText:
    """The columns of a CSV or Parquet file. Raises StoreError, saying what to do, where it is neither."""
    with translate_os_errors(path), path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(0, 2)
        size = file.tell()
    if size > _MOST_BYTES:
        raise StoreError(f"{path}: larger than {_MOST_BYTES >> 30} GiB; give the counts of a shorter time")
    if size == len(head) and not head.strip(_BLANK):
        raise StoreError(f"{path}: the file is empty; give counts with the columns {', '.join(NEEDED)}")
    try:
        found = _read_parquet(path) if head.startswith(_PARQUET) else _read_csv(path, head)
    except (pa.ArrowException, UnicodeError, OverflowError) as error:
        raise StoreError(f"{path}: cannot be read as CSV or Parquet: {str(error)[:200]}") from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or str(error)[:200]}") from error
    if len(found.lines) > MOST_ROWS:
        raise StoreError(f"{path}: more than {MOST_ROWS} rows; give the counts of a shorter time")
    return found


def _read_csv(path: Path, head: bytes) -> CountsText:
    encoding = _find_encoding(path, head)
    first, end, _ = head.decode(encoding, "replace").partition("\n")
    if not end and len(head) == _HEAD_BYTES:
        raise StoreError(f"{path}: line 1 is longer than {_HEAD_BYTES >> 20} MiB; it should name the columns")
    first = first.strip("\r\ufeff")
    separator = max(_SEPARATORS, key=first.count)
    header = [name.strip().strip('"').strip().lower() for name in first.split(separator)]
    names = _check_names(path, header)
    if len(header) > MOST_COLUMNS:
        raise StoreError(f"{path}: more than {MOST_COLUMNS} columns; give those that are needed")
    torn = array("q")

    def skip(row: Any) -> str:
        torn.append(int(row.number))
        return "skip" if len(torn) <= MOST_TORN else "error"

    try:
        table = _read_lines(path, len(header), names, separator=separator, encoding=encoding, skip=skip)
    except pa.ArrowInvalid:
        if len(torn) <= MOST_TORN:
            raise
        raise StoreError(f"{path}: more than {MOST_TORN} lines have not as many columns as line 1, the first is line "
                         f"{torn[0]}; separate the columns as line 1 does") from None
    if (blank := _count_blank(table)) > MOST_TORN:
        raise StoreError(f"{path}: {count_things(blank, 'line')} {choose_word(blank, 'is', 'are')} empty, more than "
                         f"{MOST_TORN}; take them out")
    lines = np.arange(2, table.num_rows + len(torn) + 2, dtype=np.int64)
    if torn:
        lines = np.delete(lines, [number - 2 for number in torn if 2 <= number < len(lines) + 2])[:table.num_rows]
    return _make_text({name: table[f"{at}"] for name, at in names.items()}, lines,
                      (len(torn), min(torn, default=0)))


def _count_blank(table: pa.Table) -> int:
    """How many rows are empty in every column; each would take much more memory than the file."""
    found = 0
    for batch in table.to_batches():
        lengths = [np.asarray(pc.binary_length(column)) for column in batch.columns]
        found += int((np.add.reduce(lengths) == 0).sum())
    return found


def _make_text(columns: dict[str, pa.ChunkedArray], lines: NDArray[np.int64], torn: tuple[int, int]) -> CountsText:
    """Counts as they are, and an analysis counted."""
    if not is_analysis(columns):
        return CountsText(columns=columns, lines=lines, torn=torn)
    counted = count_analysis(columns, lines)
    return CountsText(columns=counted.columns, lines=counted.lines, torn=torn, undecided=counted.undecided)


def _read_lines(path: Path, width: int, names: Mapping[str, int], *, separator: str, encoding: str,
                skip: Callable[[Any], str]) -> pa.Table:
    """The known columns as texts, named by their places; lines of another width are handed to `skip`."""
    return pa_csv.read_csv(
        path,
        read_options=pa_csv.ReadOptions(use_threads=False, skip_rows=1, encoding=encoding.removesuffix("-sig"),
                                        column_names=[f"{at}" for at in range(width)]),
        parse_options=pa_csv.ParseOptions(delimiter=separator, invalid_row_handler=skip, ignore_empty_lines=False),
        convert_options=pa_csv.ConvertOptions(
            column_types={f"{at}": pa.string() for at in range(width)}, strings_can_be_null=False,
            include_columns=[f"{at}" for at in names.values()]),
    )


def _find_encoding(path: Path, head: bytes) -> str:
    """UTF-8 where all of the file is, else Latin-1, in which every byte is a letter."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while part := file.read(_HEAD_BYTES):
                decoder.decode(part)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _read_parquet(path: Path) -> CountsText:
    schema = pq.read_schema(path)
    names = _check_names(path, [name.strip().lower() for name in schema.names])
    if pq.read_metadata(path).num_rows > MOST_ROWS:
        raise StoreError(f"{path}: more than {MOST_ROWS} rows; give the counts of a shorter time")
    table = pq.read_table(path, columns=[schema.names[at] for at in names.values()], partitioning=None)
    columns = {name: _as_text(table[schema.names[at]]) for name, at in names.items()}
    return _make_text(columns, np.arange(1, table.num_rows + 1, dtype=np.int64), (0, 0))


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):  # the same moment, whatever zone and unit it is kept in
        column = pc.strftime(column.cast(pa.timestamp("s", tz="UTC"), safe=False), format="%Y-%m-%dT%H:%M:%SZ")
    return column if column.type == pa.string() else column.cast(pa.string())


def _check_names(path: Path, header: list[str]) -> dict[str, int]:
    """Where each known column is. Raises StoreError where one is missing, or comes twice."""
    if is_analysis(header):
        return {name: header.index(name) for name in COLUMNS}
    missing = [name for name in NEEDED if name not in header]
    if missing:
        columns = choose_word(len(missing), "column")
        raise StoreError(f"{path}: line 1 lacks the {columns} {', '.join(missing)}; it needs {', '.join(NEEDED)}, "
                         f"and may have {', '.join(OPTIONAL)}, separated by comma, semicolon, tab or bar")
    twice = [name for name in (*NEEDED, *OPTIONAL) if header.count(name) > 1]
    if twice:
        raise StoreError(f"{path}: line 1 names {', '.join(twice)} twice; give each column a name of its own")
    return {name: header.index(name) for name in (*NEEDED, *OPTIONAL) if name in header}
