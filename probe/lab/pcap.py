"""Capture files of whole IP packets that any analyser opens (classic pcap; draft-ietf-opsawg-pcap)."""

from __future__ import annotations

import struct
from pathlib import Path

_MAGIC_MICROSECONDS = 0xA1B2C3D4
_LINKTYPE_RAW = 101  # the packet begins with its IPv4 or IPv6 header
_SNAPLEN = 65_535


class PcapWriter:
    """Appends packets to one new file; what was written is complete on disk after `close`."""

    def __init__(self, path: str | Path) -> None:
        self._file = open(path, "wb")  # noqa: SIM115 - it lives as long as the writer
        self._file.write(struct.pack("<IHHiIII", _MAGIC_MICROSECONDS, 2, 4, 0, 0, _SNAPLEN, _LINKTYPE_RAW))

    def write(self, packet: bytes, time_s: float) -> None:
        """Add one packet, stamped with seconds since 1970 (UTC)."""
        seconds, microseconds = divmod(int(time_s * 1_000_000), 1_000_000)
        kept = packet[:_SNAPLEN]
        self._file.write(struct.pack("<IIII", seconds, microseconds, len(kept), len(packet)) + kept)

    def close(self) -> None:
        """Flush and close the file; harmless when repeated."""
        self._file.close()
