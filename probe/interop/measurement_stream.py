"""Files of OONI's data, opened and read: one item a measurement, whether it could be read or not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from io import BufferedReader, RawIOBase
from typing import cast

from probe.interop.imported_measurement import ImportedMeasurement
from probe.interop.measurement_lines import ReadTrouble, read_measurement_lines, unpack
from probe.interop.ooni.decode import NotJudgedError, UnreadableError
from probe.interop.ooni.ooni_measurement import read_measurement_line

Item = ImportedMeasurement | NotJudgedError | ReadTrouble
STANDARD_INPUT = "-"


def read_measurement_file(name: str) -> Iterator[tuple[Item, int]]:
    """Each measurement of a file, or why it is none, with how many bytes of the file were taken so far."""
    with ExitStack() as stack:
        try:
            raw = _open_packed(name, stack)
            stream = unpack(raw)
        except OSError as error:
            yield ReadTrouble(0, error.strerror or str(error)), 0
            return
        if isinstance(stream, ReadTrouble):
            yield stream, 0
            return
        for item in read_measurement_lines(stream):
            yield (item if isinstance(item, ReadTrouble) else read_measurement(*item)), _count_taken(raw)


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
