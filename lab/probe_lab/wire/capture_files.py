"""Capture files of whole IP packets that any analyser opens (pcapng, draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from pathlib import Path

from probe_lab.lab_types import Leg

_SECTION_HEADER = 0x0A0D0D0A
_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_UNKNOWN_LENGTH = 0xFFFF_FFFF_FFFF_FFFF
_INTERFACE_DESCRIPTION = 1
_ENHANCED_PACKET = 6
_LINKTYPE_RAW = 101  # the packet begins with its IPv4 or IPv6 header
_SNAPLEN = 65_535

_OPTION_END = 0
_IF_NAME = 2
_IF_TSRESOL = 9
_NANOSECONDS = b"\x09"  # ten to the power of minus nine
_EPB_FLAGS = 2

INBOUND, OUTBOUND = 1, 2
"""Direction of a packet as the host at the end of the wire sees it."""


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length


class PcapngWriter:
    """Appends packets of one wire to one new file; what was written is complete on disk after `close`."""

    def __init__(self, path: str | Path, *, interface: str) -> None:
        """`interface` is the name that analysers show for the wire."""
        end = _option(_OPTION_END, b"")
        section = struct.pack("<IHHQ", _BYTE_ORDER_MAGIC, 1, 0, _UNKNOWN_LENGTH)
        options = _option(_IF_NAME, interface.encode()) + _option(_IF_TSRESOL, _NANOSECONDS) + end
        described = struct.pack("<HHI", _LINKTYPE_RAW, 0, _SNAPLEN) + options
        self._flags = {way: _option(_EPB_FLAGS, struct.pack("<I", way)) + end for way in (INBOUND, OUTBOUND)}
        self._file = open(path, "wb")  # noqa: SIM115 - it lives as long as the writer
        self._file.write(_block(_SECTION_HEADER, section) + _block(_INTERFACE_DESCRIPTION, described))

    def write(self, packet: bytes, time_ns: int, direction: int) -> None:
        """Add one packet, stamped with nanoseconds since 1970 (UTC); `direction` is INBOUND or OUTBOUND."""
        kept = packet[:_SNAPLEN]
        # The first field is the number of the interface: there is one.
        head = struct.pack("<5I", 0, time_ns >> 32, time_ns & 0xFFFF_FFFF, len(kept), len(packet))
        self._file.write(_block(_ENHANCED_PACKET, head + _padded(kept) + self._flags[direction]))

    def close(self) -> None:
        """Flush and close the file; harmless when repeated."""
        self._file.close()


class CapturedLeg:
    """A leg whose packets are written to a file as they pass."""

    def __init__(self, leg: Leg, writer: PcapngWriter, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._leg = leg
        self._writer = writer
        self._clock_ns = clock_ns

    def fileno(self) -> int:
        """The descriptor to poll for reading."""
        return self._leg.fileno()

    def read(self) -> bytes | None:
        """The next packet, or None when there is none now."""
        packet = self._leg.read()
        if packet is not None:
            self._writer.write(packet, self._clock_ns(), OUTBOUND)
        return packet

    def write(self, packet: bytes) -> None:
        """Deliver a packet to the host."""
        self._writer.write(packet, self._clock_ns(), INBOUND)
        self._leg.write(packet)
