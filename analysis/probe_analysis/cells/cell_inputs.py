"""Which files of results folders are read for an analysis, in which form, in which order."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from probe.store.archive.compaction import make_merged_name
from probe.store.archive.own_files import OwnFile, find_results_folders, list_own_files
from probe.store.files.atomic import StoreError
from probe.store.layout import ARCHIVES_FOLDER
from probe.store.runs.merged_days import is_merged, merged_files, merged_runs
from probe_analysis.cells.unsound_files import find_unsound_files

PORTION_ROWS = 4_000_000
"""So many rows are gone through at a time unless an engine wants more; a day is never divided."""
_ROW_BYTES = 30
"""So many bytes of CSV, whose rows nobody counts before they are read, take as much memory as one row of Parquet."""
_MAX_HEADER_BYTES = 64 << 10
_PLAIN = frozenset({"block_type", "confirmed", "suspected", "schema_version", "measurement_end_time", "n_attempted",
                    "n_observations"})
_PACKED = "runs as they were uploaded, packed; unpack and check them first: probe collect DIR -o OUT"
_TABLES = ("runs", "verdicts", "services", "observations", "controls")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileGroup:
    """Files of one table and one form whose columns are the same, so that they are read at once."""

    table: str
    parquet: bool
    columns: tuple[str, ...]
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableFile:
    """A file that is left out whole."""

    path: Path
    table: str
    reason: str
    word: str = "file"
    """Of `probe_analysis.cells.row_quality.REASONS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayChunk:
    """The days that are gone through at once, and their files."""

    days: tuple[str, ...]
    groups: tuple[FileGroup, ...]

    def of(self, table: str) -> tuple[FileGroup, ...]:
        """The files of one table."""
        return tuple(group for group in self.groups if group.table == table)


@dataclass(slots=True, kw_only=True)
class CellInputs:
    """Every file that was found, day by day."""

    folders: tuple[Path, ...]
    chunks: list[DayChunk] = field(default_factory=list)
    bad: list[UnreadableFile] = field(default_factory=list)

    @property
    def days(self) -> tuple[str, ...]:
        """All days of which there are files."""
        return tuple(day for chunk in self.chunks for day in chunk.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadedFile:
    """A file whose head was read."""

    own: OwnFile
    columns: tuple[str, ...]
    types: str
    """What a Parquet file says of its columns' types, and whether a value can be missing; empty for CSV."""
    size: int
    """Bytes, those of a Parquet file as if its rows were CSV."""


@dataclass(slots=True, kw_only=True)
class LookedFiles:
    """The files of some days, and those that are left out whole."""

    found: dict[str, list[HeadedFile]] = field(default_factory=dict)
    bad: list[UnreadableFile] = field(default_factory=list)


def find_inputs(directory: Path, *, required: Mapping[str, frozenset[str]], tables: Sequence[str],
                portion_rows: int = PORTION_ROWS, since: str = "", until: str = "") -> CellInputs:
    """The files of these tables in a results folder, or in all results folders directly below a directory.

    A file without one of the `required` columns is left out. Days are put together until they have `portion_rows`,
    about; those before `since` (YYYY-MM-DD), and from `until` on, are left alone. Raises StoreError where there are no
    results.
    """
    folders, by_day = list_days(directory, tables)
    by_day = choose_days(by_day, since, until)
    looked = look_into(by_day, required)
    return CellInputs(folders=folders, bad=looked.bad, chunks=list(make_portions(looked.found, portion_rows)))


def list_days(directory: Path, tables: Sequence[str]) -> tuple[tuple[Path, ...], dict[str, tuple[OwnFile, ...]]]:
    """The results folders at a place, and the files of these tables in them by day; none is opened.

    Of each day and table the Parquet files are taken where they hold every run, else the CSV files, which always do.
    Raises StoreError where there are no results.
    """
    if not directory.is_dir():
        raise StoreError(f"{directory}: no such folder; name a results folder, or one that holds several")
    folders = tuple(find_results_folders(directory))
    by_day: dict[str, list[OwnFile]] = {}
    for folder in folders:
        for own in _choose_files(folder, tables):
            by_day.setdefault(own.day, []).append(own)
    if by_day and all(own.table == ARCHIVES_FOLDER for files in by_day.values() for own in files):
        raise StoreError(f"{directory}: {_PACKED}")
    if not by_day:
        raise StoreError(f"{directory}: no results here; a results folder has a folder `verdicts`, and of the tables "
                         f"{', '.join(_TABLES)} what was measured")
    return folders, {day: tuple(by_day[day]) for day in sorted(by_day)}


def choose_days(by_day: Mapping[str, tuple[OwnFile, ...]], since: str, until: str) -> dict[str, tuple[OwnFile, ...]]:
    """The days from `since` on, and before `until`, each YYYY-MM-DD, or empty for no bound."""
    return {day: own for day, own in by_day.items() if (since or day) <= day and (not until or day < until)}


def look_into(by_day: Mapping[str, Sequence[OwnFile]], required: Mapping[str, frozenset[str]]) -> LookedFiles:
    """What the heads of these files say; those that cannot be used are kept apart."""
    looked = LookedFiles()
    unsound = find_unsound_files(by_day)
    for day, files in by_day.items():
        for own in files:
            if own.path in unsound:
                looked.bad.append(UnreadableFile(path=own.path, table=own.table, reason=unsound[own.path],
                                                 word="signature"))
                continue
            try:
                file = _looked_at(own, required.get(own.table, frozenset()))
            except StoreError as error:
                looked.bad.append(UnreadableFile(path=own.path, table=own.table, reason=str(error)))
            else:
                looked.found.setdefault(day, []).append(file)
    return looked


def _choose_files(folder: Path, tables: Sequence[str]) -> Iterator[OwnFile]:
    """The files to read of one results folder, and the archives, which nobody reads here, so that they are reported."""
    found: dict[tuple[str, str, bool], list[OwnFile]] = {}
    for own in list_own_files(folder):
        if own.table in tables and not own.temporary and own.path.suffix in (".csv", ".parquet"):
            found.setdefault((own.table, own.day, own.parquet), []).append(own)
        elif own.table == ARCHIVES_FOLDER and not own.temporary:
            yield own
    for table, day in dict.fromkeys((table, day) for table, day, _ in found):
        plain, columnar = found.get((table, day, False), []), found.get((table, day, True), [])
        yield from columnar if _holds_all(folder, day, columnar, plain) else plain


def _holds_all(folder: Path, day: str, columnar: Sequence[OwnFile], plain: Sequence[OwnFile]) -> bool:
    """Whether a day's Parquet files hold every run that its CSV files do."""
    stems = {own.stem for own in columnar}
    wanted = {own.stem for own in plain if not is_merged(own.path)}
    if any(is_merged(own.path) for own in plain):
        try:
            merged = merged_files(folder / "runs" / f"date={day}")
            wanted.add(make_merged_name({run_id for path in merged for run_id in merged_runs(path)}))
        except StoreError:
            return False
    return stems >= wanted


def _looked_at(own: OwnFile, required: frozenset[str]) -> HeadedFile:
    if own.table == ARCHIVES_FOLDER:
        raise StoreError(_PACKED)
    columns, types, size = _parquet_head(own.path, required | _PLAIN) if own.parquet else _csv_head(own.path)
    if missing := sorted(required.difference(columns)):
        raise StoreError(f"lacks the column {', '.join(missing)}")
    if len(set(columns)) < len(columns):
        raise StoreError("has two columns of one name")
    return HeadedFile(own=own, columns=columns, types=types, size=size)


def split_readable(group: FileGroup, columns: Sequence[str]) -> tuple[FileGroup, list[UnreadableFile]]:
    """The files of a group whose columns can be read to their end, and the others; only Parquet can break midway."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not group.parquet:
        return group, []
    bad = []
    for path in group.files:
        try:
            with pq.ParquetFile(path) as file:
                names = [name for name in columns if name in group.columns]
                count = sum(batch.num_rows for batch in file.iter_batches(columns=names))
                if names and count != file.metadata.num_rows:
                    raise pa.ArrowInvalid("a damaged head of a page ends the rows in silence")
        except (OSError, pa.ArrowException, UnicodeDecodeError):
            bad.append(UnreadableFile(path=path, table=group.table, reason="is a damaged Parquet file"))
    broken = {each.path for each in bad}
    return replace(group, files=tuple(path for path in group.files if path not in broken)), bad


def list_readable(groups: Iterable[FileGroup], columns: Sequence[str]) -> list[FileGroup]:
    """The groups that have files which can be read to their end, with these alone."""
    return [whole for group in groups if (whole := split_readable(group, columns)[0]).files]


def _csv_head(path: Path) -> tuple[tuple[str, ...], str, int]:
    try:
        with path.open("rb") as file:
            line = file.readline(_MAX_HEADER_BYTES).decode("utf-8")
        (columns,) = csv.reader([line.removeprefix("\ufeff")], strict=True)
    except (OSError, ValueError, csv.Error) as error:
        raise StoreError("is empty, or no CSV file with a header") from error
    return tuple(columns), "", path.stat().st_size


def _parquet_head(path: Path, plain: frozenset[str]) -> tuple[tuple[str, ...], str, int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        about = pq.ParquetFile(path)
        schema, names = about.schema_arrow, tuple(about.schema_arrow.names)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise StoreError("is no Parquet file, or a torn one") from error
    nested = [name for name, kind in zip(names, schema.types, strict=True)
              if name in plain and pa.types.is_nested(kind)]
    if nested:
        raise StoreError(f"has lists where one value belongs, in the column {', '.join(nested)}")
    types = ",".join(f"{field.type}{'' if field.nullable else '!'}" for field in schema)
    return names, types, about.metadata.num_rows * _ROW_BYTES


def make_portions(by_day: Mapping[str, Sequence[HeadedFile]], portion_rows: int) -> Iterator[DayChunk]:
    """Days put together until they have so many rows, about; a day is never divided."""
    days: list[str] = []
    files: list[HeadedFile] = []
    for day in sorted(by_day):
        if days and sum(file.size for file in (*files, *by_day[day])) > portion_rows * _ROW_BYTES:
            yield DayChunk(days=tuple(days), groups=_groups(files))
            days, files = [], []
        days.append(day)
        files += by_day[day]
    if days:
        yield DayChunk(days=tuple(days), groups=_groups(files))


def _groups(files: Iterable[HeadedFile]) -> tuple[FileGroup, ...]:
    alike: dict[tuple[str, bool, tuple[str, ...], str], list[Path]] = {}
    for file in files:
        alike.setdefault((file.own.table, file.own.parquet, file.columns, file.types), []).append(file.own.path)
    return tuple(FileGroup(table=table, parquet=parquet, columns=columns, files=tuple(paths))
                 for (table, parquet, columns, _), paths in alike.items())
