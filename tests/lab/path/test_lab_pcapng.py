"""Captures are files that any analyser reads, to the nanosecond."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.utils import rdpcap

from probe.core.pcapng import INBOUND, OUTBOUND
from probe_lab.wire.capture_files import CapturedLeg, PcapngWriter

TIME_NS = 1_700_000_000_123_456_789


def test_an_independent_reader_finds_every_field(tmp_path: Path) -> None:
    packets = [bytes(IP(dst="1.2.3.4") / TCP()), bytes(IPv6(dst="2a02::1") / TCP() / b"odd")]
    writer = PcapngWriter(tmp_path / "x.pcapng", interface="client")
    writer.write(packets[0], TIME_NS, OUTBOUND)
    writer.write(packets[1], TIME_NS + 1, INBOUND)
    writer.close()
    writer.close()
    read = list(rdpcap(str(tmp_path / "x.pcapng")))
    assert [bytes(packet) for packet in read] == packets
    assert [int(packet.time * 10**9) for packet in read] == [TIME_NS, TIME_NS + 1]
    assert {packet.sniffed_on for packet in read} == {"client"}
    assert [packet.direction for packet in read] == [OUTBOUND, INBOUND]


def test_blocks_are_exact(tmp_path: Path) -> None:
    writer = PcapngWriter(tmp_path / "x.pcapng", interface="eth")
    writer.write(b"E1234", 0x1_0000_0002, OUTBOUND)
    writer.close()
    blocks = (tmp_path / "x.pcapng").read_bytes()
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    options = b"\x02\0\x03\0eth\0" + b"\x09\0\x01\0\x09\0\0\0" + bytes(4)
    described = struct.pack("<IIHHI", 1, 40, 101, 0, 65_535) + options + struct.pack("<I", 40)
    packet = struct.pack("<7I", 6, 52, 0, 1, 2, 5, 5) + b"E1234\0\0\0"
    packet += b"\x02\0\x04\0\x02\0\0\0" + bytes(4) + struct.pack("<I", 52)
    assert blocks == section + described + packet


class _Leg:
    """A wire that gives one packet and remembers what it got."""

    def __init__(self) -> None:
        self.waiting = [b"E-out"]
        self.got: list[bytes] = []

    def fileno(self) -> int:
        return 77

    def read(self) -> bytes | None:
        return self.waiting.pop() if self.waiting else None

    def write(self, packet: bytes) -> None:
        self.got.append(packet)


def test_a_captured_leg_carries_and_records(tmp_path: Path) -> None:
    writer = PcapngWriter(tmp_path / "x.pcapng", interface="client")
    leg = _Leg()
    captured = CapturedLeg(leg, writer, clock_ns=lambda: TIME_NS)
    assert captured.fileno() == 77
    assert [captured.read(), captured.read()] == [b"E-out", None]
    captured.write(b"E-in")
    writer.close()
    assert leg.got == [b"E-in"]
    read = [(bytes(p), p.direction) for p in rdpcap(str(tmp_path / "x.pcapng"))]
    assert read == [(b"E-out", OUTBOUND), (b"E-in", INBOUND)]


def test_a_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        PcapngWriter(tmp_path / "none" / "x.pcapng", interface="client")
