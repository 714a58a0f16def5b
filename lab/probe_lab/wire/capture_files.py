"""Capture files of whole IP packets that any analyser opens (pcapng, draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from probe.core import pcapng
from probe.core.pcapng import INBOUND, OUTBOUND
from probe_lab.lab_types import WireEnd

_SNAP_BYTES = 65_535


class PcapngWriter:
    """Appends packets of one wire to one new file; what was written is complete on disk after `close`."""

    def __init__(self, path: str | Path, *, interface: str) -> None:
        """`interface` is the name that analysers show for the wire."""
        self._file = open(path, "wb")  # noqa: SIM115 - it lives as long as the writer
        self._file.write(pcapng.section() + pcapng.interface(interface, snap_bytes=_SNAP_BYTES))

    def write(self, packet: bytes, time_ns: int, direction: int) -> None:
        """Add one packet, stamped with nanoseconds since 1970 (UTC); `direction` is INBOUND or OUTBOUND."""
        self._file.write(pcapng.packet(packet[:_SNAP_BYTES], time_ns=time_ns, wire_bytes=len(packet),
                                       direction=direction))

    def close(self) -> None:
        """Flush and close the file; harmless when repeated."""
        self._file.close()


class CapturedLeg:
    """A leg whose packets are written to a file as they pass."""

    def __init__(self, leg: WireEnd, writer: PcapngWriter, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
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
