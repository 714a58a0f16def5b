"""Writes a run: its tables, CSV always and Parquet where it can be, all or nothing, the runs file last."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from probe.core.runs import Run, RunResult
from probe.store.files import parquet as parquet_files
from probe.store.files.atomic import StoreError, Writer, remove_stale, write_files
from probe.store.files.csv_files import make_csv
from probe.store.files.listing import list_paths
from probe.store.files.pcapng import write_packets
from probe.store.layout import PACKETS_FOLDER, PARQUET_FOLDER, csv_path, packets_path, parquet_path
from probe.store.row_codec import rows_of
from probe.store.runs.merged_days import find_merged
from probe.store.runs.run_files import find_run
from probe.store.schema import TABLES, Table
from probe.store.signing.run_signing import RunSigner, sign_run


def write_run(result: RunResult, directory: Path, *, parquet: bool | None = None, known_new: bool = False,
              signer: RunSigner | None = None) -> tuple[Path, ...]:
    """Writes one file per table, and one of captured packets where there are any, and returns their paths;
    `parquet=None` writes Parquet where pyarrow is installed; with `known_new` nobody looks whether it is stored. A
    `signer` signs the run where it bears his name; without one it keeps the signature that it came with.

    A run exists once its runs file does, which is renamed last. Raises StoreError when the files cannot be
    written or the run is stored already (files are never changed), ValueError for an impossible run id.
    """
    run_id = result.run.run_id
    if not known_new and (find_run(directory, run_id) or find_merged(directory, run_id)):
        raise StoreError(f"{directory}: run {run_id} is stored already and is never overwritten")
    texts, packets = make_texts(result), _make_packets(result)
    if signer:
        result = replace(result, run=sign_run(result.run, texts, signer, packets=packets))
        texts["runs"] = make_csv(TABLES["runs"], rows_of(result, TABLES["runs"]))
    files: list[tuple[Path, Writer]] = [
        (csv_path(directory, name, result.run), partial(_write_bytes, content=text)) for name, text in texts.items()
    ]
    if parquet or (parquet is None and parquet_files.available()):
        files = [
            (parquet_path(directory, table.name, result.run), partial(_write_parquet, result=result, table=table))
            for table in TABLES.values()
        ] + files
    if packets:
        files.insert(0, (packets_path(directory, result.run), partial(_write_bytes, content=packets)))
    sweep_days(directory, {files[-1][0].parent.name})
    write_files(files)
    return tuple(path for path, _ in files)


def sweep_days(directory: Path, wanted: Set[str]) -> None:
    """Removes what crashes left in the folders `date=...` of the last days, and of those that are wanted."""
    trees = [root / table for root in (directory, directory / PARQUET_FOLDER) for table in TABLES]
    for tree in (*trees, directory / PACKETS_FOLDER):
        days = list_paths(tree, "date=*")[-2:]
        for folder in {*days, *(tree / day for day in wanted)}:
            remove_stale(folder)


def make_texts(result: RunResult) -> dict[str, bytes]:
    """Table -> the content of its CSV file."""
    return {name: make_csv(table, rows_of(result, table)) for name, table in TABLES.items()}


def write_texts(run: Run, texts: Mapping[str, bytes], directory: Path) -> None:
    """Writes a run that is not stored yet as the contents of its files, table -> content, all or nothing.

    Raises StoreError, ValueError for an impossible run id.
    """
    write_files([(csv_path(directory, name, run), partial(_write_bytes, content=texts[name])) for name in TABLES])


def _write_bytes(file: BinaryIO, *, content: bytes) -> None:
    file.write(content)


def _make_packets(result: RunResult) -> bytes:
    """The content of the file of captured packets; empty where there are none."""
    file = BytesIO()
    if result.packets:
        write_packets(file, result.run, result.packets)
    return file.getvalue()


def _write_parquet(file: BinaryIO, *, result: RunResult, table: Table) -> None:
    parquet_files.write_parquet(file, table, rows_of(result, table))
