"""The packets of a run as a file that any analyser opens (pcapng, draft-ietf-opsawg-pcapng), and parts of it again."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from probe.core.observations import KeptPacket
from probe.core.runs import Run
from probe.results.files.atomic import StoreError, explained

MAX_FILE_BYTES = 2 << 20
"""What is written at most, and read at most twice."""
_SECTION_HEADER, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_MAGIC = 0x1A2B3C4D
_RAW_IP = 101  # each packet begins with its IPv4 or IPv6 header
_SNAP = 256
_END, _COMMENT, _NAME, _FLAGS, _RESOLUTION, _PROGRAM = 0, 1, 2, 2, 9, 4
_HEAD = struct.Struct("<5I")


def write_packets(file: BinaryIO, run: Run, packets: Iterable[KeptPacket]) -> None:
    """Write a section with one interface, and each packet with the observation that it belongs to as its comment."""
    start = datetime.fromisoformat(run.measurement_start_time)
    about = f"run {run.run_id}; the client's address, its ports and checksums are not the real ones"
    room = MAX_FILE_BYTES
    for block in (_section(about, f"probe {run.software_version}"), _interface()):
        file.write(block)
        room -= len(block)
    for packet in packets:
        block = _packet(packet, int(start.timestamp() * 1e9))
        room -= len(block)
        if room < 0:
            return
        file.write(block)


def read_blocks(path: Path) -> Iterator[tuple[str, bytes]]:
    """(comment, whole block) of each block in a file of ours; the comment of the headers is empty.

    Raises StoreError for a file that cannot be read or is none of ours.
    """
    with explained(path), path.open("rb") as file:
        data = file.read(2 * MAX_FILE_BYTES)
    at = 0
    while at < len(data):
        if len(data) - at < 12:
            raise StoreError(f"{path}: the file is damaged")
        kind, length = struct.unpack_from("<II", data, at)
        if length < 12 or length % 4 or at + length > len(data) or (not at and kind != _SECTION_HEADER):
            raise StoreError(f"{path}: the file is damaged")
        block = data[at : at + length]
        yield (_comment(block) if kind == _PACKET else ""), block
        at += length


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length


def _section(comment: str, program: str) -> bytes:
    options = _option(_COMMENT, comment.encode()) + _option(_PROGRAM, program.encode()) + _option(_END, b"")
    return _block(_SECTION_HEADER, struct.pack("<IHHQ", _MAGIC, 1, 0, 2**64 - 1) + options)


def _interface() -> bytes:
    options = _option(_NAME, b"volunteer") + _option(_RESOLUTION, b"\x09") + _option(_END, b"")
    return _block(_INTERFACE, struct.pack("<HHI", _RAW_IP, 0, _SNAP) + options)


def _packet(packet: KeptPacket, start_ns: int) -> bytes:
    time_ns = start_ns + int(packet.at_s * 1e9)
    head = _HEAD.pack(0, time_ns >> 32, time_ns & 0xFFFF_FFFF, len(packet.data), packet.length)
    flags = _option(_FLAGS, struct.pack("<I", 2 if packet.outbound else 1))
    comment = _option(_COMMENT, packet.observation_id.encode())
    return _block(_PACKET, head + _padded(packet.data) + comment + flags + _option(_END, b""))


def _comment(block: bytes) -> str:
    if len(block) < 8 + _HEAD.size:
        return ""
    captured = _HEAD.unpack_from(block, 8)[3]
    at = 8 + _HEAD.size + captured + (-captured % 4)
    while at + 4 <= len(block) - 4:
        code, length = struct.unpack_from("<HH", block, at)
        if code == _COMMENT:
            return block[at + 4 : at + 4 + length].decode("utf-8", "replace")
        if code == _END:
            break
        at += 4 + length + (-length % 4)
    return ""
