"""Files of OONI's data, opened and read: one item a measurement, whether it could be read or not."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import cast

from probe.store.files.tar_members import BadTarError, is_tar, list_members
from probe_analysis.imported.imported_measurement import ImportedMeasurement
from probe_analysis.imported.measurement_lines import ReadTrouble, TableNote, read_measurement_lines, unpack
from probe_analysis.imported.ooni.decode import NotJudgedError, UnreadableError
from probe_analysis.imported.ooni.observation_tables import (
    PARQUET,
    is_table_header,
    list_missing,
    open_csv,
    open_parquet,
)
from probe_analysis.imported.ooni.ooni_measurement import read_measurement_line
from probe_analysis.imported.ooni.table_measurements import make_measurements

Item = ImportedMeasurement | NotJudgedError | ReadTrouble | TableNote
STANDARD_INPUT = "-"
MAX_HEAD = 8192
"""So much of a file is looked at to tell what it is."""
MAX_DEPTH = 12
"""Of folders in folders."""


def list_measurement_files(names: Iterable[str]) -> Iterator[str]:
    """The files of these names: of a folder all in it, in order of their names, but for hidden ones and links."""
    for name in names:
        if name != STANDARD_INPUT and Path(name).is_dir():
            yield from _list_folder(name, MAX_DEPTH)
        else:
            yield name


def _list_folder(name: str, depth: int) -> Iterator[str]:
    with os.scandir(name) as entries:
        found = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    for entry in found:
        if entry.is_file(follow_symlinks=False):
            yield entry.path
        elif entry.is_dir(follow_symlinks=False) and depth > 1:
            yield from _list_folder(entry.path, depth - 1)


def read_measurement_file(name: str) -> Iterator[tuple[Item, int]]:
    """Each measurement of a file, or why it is none, with how many bytes of the file were taken so far."""
    with ExitStack() as stack:
        try:
            raw = _open_packed(name, stack)
            for item in read_measurement_stream(raw):
                yield item, _count_taken(raw)
        except OSError as error:
            yield ReadTrouble(0, error.strerror or str(error)), 0


def read_measurement_stream(raw: BufferedReader, *, within: bool = False) -> Iterator[Item]:
    """The same of an open file; `within`: it is one of an archive."""
    stream = unpack(raw)
    plain = stream if isinstance(stream, BufferedReader) else BufferedReader(cast(RawIOBase, stream))
    try:
        head = plain.peek(MAX_HEAD)
    except Exception as error:  # an unpacking library's own
        yield _tell_damage(0, "file", error)
        return
    if is_tar(head):
        yield from _read_archive(plain) if not within else (ReadTrouble(0, "an archive in an archive is not read"),)
        return
    if head.startswith(PARQUET) or is_table_header(head.split(b"\n", 1)[0]):
        yield from _read_table(plain, packed=head.startswith(PARQUET))
        return
    is_empty = True
    for item in read_measurement_lines(plain):
        is_empty = False
        yield item if isinstance(item, ReadTrouble) else read_measurement(*item)
    if is_empty and not within:
        yield ReadTrouble(0, "the file is empty")


def _read_table(stream: BufferedReader, *, packed: bool) -> Iterator[Item]:
    """A table of observations. What is told of it counts measurements, not lines."""
    number = 0
    try:
        names, rows = open_parquet(stream) if packed else open_csv(stream)
        try:
            missing = list_missing(names)
        except ValueError as error:
            yield ReadTrouble(0, f"the table is not read: {error}")
            return
        if missing:
            yield TableNote(missing)
        for number, line in enumerate(make_measurements(rows), start=1):
            yield read_measurement(number, line)
    except Exception as error:  # of Arrow, of csv, of an unpacking library
        yield _tell_damage(number + 1, "table", error)


def _read_archive(stream: BufferedReader) -> Iterator[Item]:
    try:
        for name, member in list_members(stream):
            for item in read_measurement_stream(BufferedReader(member), within=True):
                yield ReadTrouble(item.line, f"{name}: {item.reason}") if isinstance(item, ReadTrouble) else item
    except BadTarError as error:
        yield ReadTrouble(0, str(error))
    except Exception as error:  # an unpacking library's own
        yield _tell_damage(0, "archive", error)


def _tell_damage(line: int, what: str, error: Exception) -> ReadTrouble:
    return ReadTrouble(line, f"the {what} is damaged: {str(error)[:200] or type(error).__name__}")


def _open_packed(name: str, stack: ExitStack) -> BufferedReader:
    if name != STANDARD_INPUT:
        return stack.enter_context(open(name, "rb"))
    raw: BufferedReader = BufferedReader(cast(RawIOBase, sys.stdin.buffer))
    stack.callback(raw.detach)  # standard input stays open
    return raw


def read_measurement(number: int, line: bytes) -> Item:
    """The measurement in one line, or why it is none."""
    try:
        return read_measurement_line(line)
    except NotJudgedError as why:
        return why
    except UnreadableError as error:
        return ReadTrouble(number, str(error))


def _count_taken(raw: BufferedReader) -> int:
    try:
        return raw.tell()
    except OSError:
        return 0
