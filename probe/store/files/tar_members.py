"""The files in a tar archive, one after the other, out of a stream (POSIX.1-2001, ustar). Names are only told.

Nothing is unpacked to a disk. Of the headers that describe others only long names (GNU) are read, bounded; the rest
(extended attributes) is passed over, so that no archive can ask for memory. Links and devices are passed over too.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO

BLOCK = 512
MAX_MEMBERS = 1_000_000
MAX_NAME = 100
MAX_LONG_NAME_BYTES = 1024
_MAGIC, _MAGIC_AT = b"ustar", 257
_FILES = (b"0", b"\0", b"7")
_LONG_NAME = b"L"


class BadTarError(ValueError):
    """The archive cannot be read any further."""


class Member(io.RawIOBase):
    """The bytes of one file, as far as they go."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # of any buffer
        data = self._stream.read(min(len(buffer), self.left))
        if not data and self.left and len(buffer):
            raise BadTarError("the archive ends within a file")
        self.left -= len(data)
        buffer[: len(data)] = data
        return len(data)

    def skip(self, padding: int) -> None:
        """Pass over what nobody read, and over what fills the last block."""
        left = self.left + padding
        while left > 0:
            data = self._stream.read(min(left, 1 << 20))
            if not data:
                raise BadTarError("the archive ends within a file")
            left -= len(data)
        self.left = 0


def is_tar(head: bytes) -> bool:
    """Whether a stream that begins so is an archive."""
    return head[_MAGIC_AT:_MAGIC_AT + len(_MAGIC)] == _MAGIC


def list_members(stream: IO[bytes]) -> Iterator[tuple[str, Member]]:
    """(name, bytes) of each file, to be read before the next is asked for. Raises BadTarError."""
    long_name = b""
    for _ in range(MAX_MEMBERS):
        head = stream.read(BLOCK)
        if not head.strip(b"\0"):
            return  # the end, or nothing more
        if len(head) < BLOCK or not is_tar(head):
            raise BadTarError("what follows is no part of an archive")
        size = _read_size(head[124:136])
        member = Member(stream, size)
        kind = head[156:157]
        if kind in _FILES:
            yield _decode_name(long_name or head[:MAX_NAME]), member
        if kind == _LONG_NAME and size > MAX_LONG_NAME_BYTES:
            raise BadTarError(f"a file in the archive has a name longer than {MAX_LONG_NAME_BYTES} bytes")
        long_name = member.read() if kind == _LONG_NAME else b""
        member.skip(-size % BLOCK)
    raise BadTarError(f"more than {MAX_MEMBERS:,} files")


def _decode_name(cell: bytes) -> str:
    return cell.split(b"\0")[0].decode("utf-8", "replace")


def _read_size(cell: bytes) -> int:
    """Octal digits, or with the highest bit set a number in base 256 (GNU)."""
    if cell[0] & 0x80:
        size = int.from_bytes(cell[1:], "big")
    else:
        digits = cell.strip(b" \0")
        if not all(48 <= byte < 56 for byte in digits):
            raise BadTarError("a file in the archive has no size")
        size = int(digits or b"0", 8)
    if size >= 1 << 50:
        raise BadTarError("a file in the archive has no size")
    return size
