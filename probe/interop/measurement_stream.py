"""Files of OONI's data, opened and read: one item a measurement, whether it could be read or not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from io import BufferedReader, RawIOBase
from typing import cast

from probe.interop.imported_measurement import Measurement
from probe.interop.measurement_lines import Trouble, measurements, unpacked
from probe.interop.ooni.decode import NotJudged, Unreadable
from probe.interop.ooni.ooni_measurement import read_line

Item = Measurement | NotJudged | Trouble
STANDARD_INPUT = "-"


def read_file(name: str) -> Iterator[tuple[Item, int]]:
    """Each measurement of a file, or why it is none, with how many bytes of the file were taken so far."""
    with ExitStack() as stack:
        try:
            raw = _opened(name, stack)
            stream = unpacked(raw)
        except OSError as error:
            yield Trouble(0, error.strerror or str(error)), 0
            return
        if isinstance(stream, Trouble):
            yield stream, 0
            return
        for item in measurements(stream):
            yield (item if isinstance(item, Trouble) else read_item(*item)), _taken(raw)


def _opened(name: str, stack: ExitStack) -> BufferedReader:
    if name != STANDARD_INPUT:
        return stack.enter_context(open(name, "rb"))
    raw: BufferedReader = BufferedReader(cast(RawIOBase, sys.stdin.buffer))
    stack.callback(raw.detach)  # standard input stays open
    return raw


def read_item(number: int, line: bytes) -> Item:
    """The measurement in one line, or why it is none."""
    try:
        return read_line(line)
    except NotJudged as why:
        return why
    except Unreadable as error:
        return Trouble(number, str(error))


def _taken(raw: BufferedReader) -> int:
    try:
        return raw.tell()
    except OSError:
        return 0
