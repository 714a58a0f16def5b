"""Reading the packaged table: sorted starts of ranges in compressed blocks, of which a lookup opens one.

The file: `MAGIC`, the length of the head (32 bits), the head as JSON, then for IPv4 and IPv6 an index with the first
cell, the place and the length of each block, then the blocks. A cell is a /24 of IPv4 or a /48 of IPv6, the longest
prefixes that networks announce to each other. A block: how many ranges (16 bits), their AS numbers, all first bytes,
all second ..., their countries, two letters each, then the distance of each start from the one before (variable length,
7 bits a byte, the lowest first). A range ends where the next begins. `tools/geo.py` writes it.
"""

from __future__ import annotations

import ipaddress
import struct
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import msgspec

from probe.config.geo.geo_table import NO_ENTRY, GeoEntry, GeoError
from probe.core.json_decoders import decode_json

MAGIC = b"probe geo table 1\n"
PACKAGED = Path(__file__).with_name("table.bin")
SHIFTS = {4: 8, 6: 80}
"""Family -> bits of an address below its cell."""
ENTRY = struct.Struct(">QII")
MAX_RANGES = 4096
"""Of a block."""
MAX_BLOCK = MAX_RANGES * 16
_MAX_HEAD, _MAX_BLOCKS = 1 << 16, 1 << 14
_TODO = "install the program again, or name a table of your own: probe setup --geo FILE.mmdb"


class TableSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the table's facts are from."""

    name: str
    licence: str
    sha256: str
    """Of the files that were read, one after the other."""


class TableHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the table says of itself."""

    date: str
    sources: tuple[TableSource, ...]
    ranges: dict[int, int]
    """Family -> ranges."""
    blocks: dict[int, int]
    """Family -> blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Index:
    firsts: tuple[int, ...]
    places: tuple[tuple[int, int], ...]
    """(place, length) of each block."""


class PackedTable:
    """A packed table. Opening it reads nothing; a lookup reads the head once, and one block of some kilobytes."""

    name = "packaged"

    def __init__(self, path: Path = PACKAGED) -> None:
        self._path = path
        self._last: tuple[int, int, bytes] = (0, -1, b"")

    @property
    def date(self) -> str:
        return self.head.date

    @property
    def head(self) -> TableHead:
        """Raises GeoError for a file that is none of ours."""
        return self._known[0]

    def find(self, address: str) -> GeoEntry:
        found = ipaddress.ip_address(address)
        index, cell = self._known[1][found.version], int(found) >> SHIFTS[found.version]
        number = bisect_right(index.firsts, cell) - 1
        if number < 0:
            return NO_ENTRY
        try:
            return _in_block(self._block(found.version, number, index), index.firsts[number], cell)
        except (OSError, IndexError, struct.error, zlib.error, ValueError) as error:
            raise self._damaged() from error

    def _block(self, version: int, number: int, index: _Index) -> bytes:
        if self._last[:2] != (version, number):
            place, length = index.places[number]
            with self._path.open("rb") as file:
                file.seek(place)
                packed = file.read(length)
            unpack = zlib.decompressobj()
            block = unpack.decompress(packed, MAX_BLOCK + 2)
            if not unpack.eof:  # cut off, or larger than any of ours
                raise zlib.error("no whole block")
            self._last = version, number, block
        return self._last[2]

    @cached_property
    def _known(self) -> tuple[TableHead, dict[int, _Index]]:
        try:
            with self._path.open("rb") as file:
                return self._read(file)
        except OSError as error:
            raise GeoError(f"{self._path}: cannot be read ({error.strerror}): {_TODO}") from error
        except (struct.error, msgspec.DecodeError, ValueError, KeyError, zlib.error) as error:
            raise self._damaged() from error

    def _read(self, file: BinaryIO) -> tuple[TableHead, dict[int, _Index]]:
        start = file.read(len(MAGIC) + 4)
        (length,) = struct.unpack(">I", start[len(MAGIC):])
        if not start.startswith(MAGIC) or length > _MAX_HEAD:
            raise zlib.error("no table")
        head = decode_json(file.read(length), TableHead)
        indexes = {}
        for version in SHIFTS:
            count = head.blocks[version]
            if not 0 <= count <= _MAX_BLOCKS:
                raise zlib.error("too many blocks")
            entries = tuple(ENTRY.iter_unpack(file.read(count * ENTRY.size)))
            indexes[version] = _Index(firsts=tuple(first for first, _, _ in entries),
                                      places=tuple((place, size) for _, place, size in entries))
            if len(entries) != count or any(size > MAX_BLOCK for _, size in indexes[version].places):
                raise zlib.error("no whole index")
        return head, indexes

    def _damaged(self) -> GeoError:
        return GeoError(f"{self._path}: is no table of this program, or damaged: {_TODO}")


def _in_block(block: bytes, first: int, cell: int) -> GeoEntry:
    """The range that the cell lies in. Raises IndexError, struct.error or ValueError for a block that is none."""
    (count,) = struct.unpack_from(">H", block)
    number, start, at = 0, first, 2 + 6 * count + 1  # the first distance is 0
    while number + 1 < count:
        step = shift = 0
        while True:
            byte = block[at]
            at += 1
            step |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        start += step
        if start > cell:
            break
        number += 1
    asn = bytes(block[2 + count * plane + number] for plane in range(4))
    cc = block[2 + 4 * count + 2 * number:][:2].decode("ascii")
    if not (cc.isalpha() and cc.isupper()):
        raise ValueError("no country")
    return GeoEntry(cc=cc, asn=int.from_bytes(asn, "big"))
