"""Measurements from files: JSON Lines, one JSON document, packed or not; line by line, each bounded.

What cannot be read is reported with its line and the reason, and the rest goes on.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from typing import IO, Any, BinaryIO, cast

import msgspec

from probe.core.json_decoders import decode_json
from probe_analysis.imported.ooni.decode import BAD_JSON

MAX_LINE_BYTES = 16 << 20
"""A measurement with its bodies is a few MB; a longer line is passed over. One rare letter makes Python keep a text in
four bytes a letter, so that a line can take five times its length."""
MAX_LISTED = 1_000_000
"""Commas of a line that is a list of measurements: what stands between them takes memory before it is looked at."""
GZIP, ZSTD, LZ4 = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18"


@dataclass(frozen=True, slots=True)
class ReadTrouble:
    """Why a line, or the rest of a file, was not read."""

    line: int
    """1-based; 0: the file as a whole."""
    reason: str


@dataclass(frozen=True, slots=True)
class TableNote:
    """What a table lacks that is read all the same."""

    missing: tuple[str, ...]
    """Its columns."""


def describe_fault(name: str, line: int, reason: str) -> str:
    """Where it is and why, in one line."""
    return f"{name}:{line}: {reason}" if line else f"{name}: {reason}"


def unpack(file: BufferedReader) -> BinaryIO:
    """The stream of a file that may be packed: by what it begins with, not by its name."""
    head = file.peek(4)[:4]
    if head.startswith(GZIP):
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    if head not in (ZSTD, LZ4):
        return file
    import pyarrow

    packed = pyarrow.CompressedInputStream(file, "zstd" if head == ZSTD else "lz4")
    return cast(BinaryIO, BufferedReader(ArrowStream(packed)))


class ArrowStream(RawIOBase):
    """An input stream of Arrow's, as Python reads files."""

    def __init__(self, packed: Any) -> None:
        self._packed = packed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """What follows, at most as much as there is room for. Raises OSError where the file is damaged."""
        data = self._packed.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def read_measurement_lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes] | ReadTrouble]:
    """(line, JSON of one measurement), and what could not be read."""
    lines = _lines(stream)
    for first in lines:
        if isinstance(first, ReadTrouble):
            yield first
            continue
        yield from _one(first) if _is_whole(first[1]) or not _may_go_on(first[1]) else _document(first, lines)
        break
    for line in lines:
        if isinstance(line, ReadTrouble):
            yield line
        else:
            yield from _one(line)


def _lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes] | ReadTrouble]:
    """Every line that says something. A stream that breaks ends with the reason."""
    number = 0
    try:
        while line := stream.readline(MAX_LINE_BYTES):
            number += 1
            if len(line) >= MAX_LINE_BYTES and not line.endswith(b"\n"):
                while (rest := stream.readline(1 << 20)) and not rest.endswith(b"\n"):
                    pass
                yield ReadTrouble(number, f"longer than {MAX_LINE_BYTES >> 20} MiB")
            elif line := line.strip(b" \t\r\n\x00\xef\xbb\xbf"):
                yield number, line
    except (OSError, EOFError, zlib.error, ValueError) as error:
        yield ReadTrouble(number + 1, f"the file ends here or is damaged: {str(error)[:200]}")
    except Exception as error:  # an unpacking library's own
        yield ReadTrouble(number + 1, f"the file is damaged: {type(error).__name__}")


def _is_whole(text: bytes) -> bool:
    try:
        decode_json(text, msgspec.Raw)
    except BAD_JSON:
        return False
    return True


def _may_go_on(text: bytes) -> bool:
    """Whether a line can be the beginning of a document that is written over many: so short, and nothing closed."""
    return text[:1] in (b"{", b"[") and len(text) < 4096 and text[-1:] in (b"{", b"[", b",", b":")


def _one(line: tuple[int, bytes]) -> Iterator[tuple[int, bytes] | ReadTrouble]:
    """A measurement, or each of a list."""
    number, text = line
    if not text.startswith(b"["):
        yield number, text
        return
    if text.count(b",") > MAX_LISTED:
        yield ReadTrouble(number, f"a list with more than {MAX_LISTED:,} commas: write one measurement a line")
        return
    try:
        items = decode_json(text, list[msgspec.Raw])
    except BAD_JSON as error:
        yield ReadTrouble(number, f"no JSON: {str(error)[:200]}")
        return
    for item in items:
        yield number, bytes(item)


def _document(first: tuple[int, bytes], lines: Iterator[tuple[int, bytes] | ReadTrouble],
              ) -> Iterator[tuple[int, bytes] | ReadTrouble]:
    """One document over many lines."""
    pieces, size = [first[1]], len(first[1])
    for line in lines:
        if isinstance(line, ReadTrouble):
            yield line
            return
        pieces.append(line[1])
        size += len(line[1]) + 1
        if size > MAX_LINE_BYTES:
            yield ReadTrouble(first[0], f"a document of more than {MAX_LINE_BYTES >> 20} MiB")
            return
    yield from _one((first[0], b"\n".join(pieces)))
