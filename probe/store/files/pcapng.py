"""The packets of a run as a file that any analyser opens (pcapng, draft-ietf-opsawg-pcapng), and parts of it again."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from probe.core import pcapng
from probe.core.observations import KeptPacket
from probe.core.runs import Run
from probe.core.safe_files import open_regular
from probe.store.files.atomic import StoreError, translate_os_errors

MAX_FILE_BYTES = 2 << 20
"""What is written at most, and read at most twice."""
_SNAP_BYTES = 256


def write_packets(file: BinaryIO, run: Run, packets: Iterable[KeptPacket]) -> None:
    """Write a section with one interface, and each packet with the observation that it belongs to as its comment."""
    start_ns = int(datetime.fromisoformat(run.measurement_start_time).timestamp() * 1e9)
    about = f"run {run.run_id}; the client's address, its ports and checksums are not the real ones"
    room = MAX_FILE_BYTES
    for block in (pcapng.section(comment=about, program=f"probe {run.software_version}"),
                  pcapng.interface("volunteer", snap_bytes=_SNAP_BYTES)):
        file.write(block)
        room -= len(block)
    for packet in packets:
        block = pcapng.packet(packet.data, time_ns=start_ns + int(packet.at_s * 1e9), wire_bytes=packet.length,
                              direction=pcapng.OUTBOUND if packet.outbound else pcapng.INBOUND,
                              comment=packet.observation_id)
        room -= len(block)
        if room < 0:
            return
        file.write(block)


def read_blocks(path: Path) -> Iterator[tuple[str, bytes]]:
    """(comment, whole block) of each block in a file of ours; the comment of the headers is empty.

    Raises StoreError for a file that cannot be read or is none of ours.
    """
    with translate_os_errors(path), open_regular(path) as file:
        data = file.read(2 * MAX_FILE_BYTES)
    at = 0
    while at < len(data):
        if len(data) - at < 12:
            raise StoreError(f"{path}: the file is damaged")
        kind, length = struct.unpack_from("<II", data, at)
        if length < 12 or length % 4 or at + length > len(data) or (not at and kind != pcapng.SECTION_HEADER):
            raise StoreError(f"{path}: the file is damaged")
        block = data[at : at + length]
        yield (_comment(block) if kind == pcapng.PACKET else ""), block
        at += length


def _comment(block: bytes) -> str:
    if len(block) < 8 + pcapng.PACKET_HEAD.size:
        return ""
    captured = pcapng.PACKET_HEAD.unpack_from(block, 8)[3]
    at = 8 + pcapng.PACKET_HEAD.size + captured + (-captured % 4)
    while at + 4 <= len(block) - 4:
        code, length = struct.unpack_from("<HH", block, at)
        if code == pcapng.COMMENT:
            return block[at + 4 : at + 4 + length].decode("utf-8", "replace")
        if code == pcapng.END:
            break
        at += 4 + length + (-length % 4)
    return ""
