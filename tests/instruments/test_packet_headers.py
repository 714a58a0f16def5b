"""Our reader of headers against scapy's, on whatever a sender may put on the wire, and scapy's lines for a person."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet, Raw

from probe.core import pcapng
from probe.instruments.packets.packet_headers import PacketHeaders, read_headers
from probe_analysis.commands.packet_lines import describe_packets
from project_root import ROOT

U8, U16, U32 = st.integers(0, 255), st.integers(0, 65_535), st.integers(0, 2**32 - 1)
ABOVE = st.one_of(
    st.builds(TCP, sport=U16, dport=U16, seq=U32, ack=U32, flags=st.integers(0, 511), window=U16,
              options=st.sampled_from([[], [("MSS", 1460)], [("Timestamp", (1, 2)), ("WScale", 7)]])),
    st.builds(UDP, sport=U16, dport=U16))
BELOW = st.one_of(
    st.builds(IP, ttl=U8, id=U16, flags=st.sampled_from(["", "DF"]), tos=U8, dst=st.just("198.51.100.7")),
    st.builds(IPv6, hlim=U8, tc=U8, fl=st.integers(0, 2**20 - 1), dst=st.just("2001:db8::7")))


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """Whole and right, with a payload."""
    return bytes(draw(BELOW) / draw(ABOVE) / Raw(draw(st.binary(max_size=40))))


@st.composite
def garbled(draw: st.DrawFn) -> bytes:
    """Some bytes of a packet changed, and its end cut off."""
    data = bytearray(draw(packets()))
    for at, value in draw(st.lists(st.tuples(st.integers(0, len(data) - 1), U8), max_size=4)):
        data[at] = value
    return bytes(data[: draw(st.integers(0, len(data)))])


def dissected(data: bytes) -> Packet:
    return (IP if data[0] >> 4 == 4 else IPv6)(data)


def below(read: PacketHeaders, packet: Packet) -> bool:
    """Whether both say the same of the IP header."""
    if read.family == 4:
        return (read.ttl, read.ip_id, read.df, read.protocol) == (
            packet.ttl, packet.id, int(packet.flags.DF), packet.proto)
    return (read.ttl, read.protocol) == (packet.hlim, packet.nh)


def above(read: PacketHeaders, packet: Packet) -> bool:
    """Whether both say the same of ports and TCP's numbers."""
    layer = packet.payload
    if isinstance(layer, TCP):
        return (read.sport, read.dport, read.seq, read.ack, read.flags, read.window) == (
            layer.sport, layer.dport, layer.seq, layer.ack, int(layer.flags), layer.window)
    return not isinstance(layer, UDP) or (read.sport, read.dport) == (layer.sport, layer.dport)


@given(packets())
def test_a_packet_reads_the_same_in_scapy(data: bytes) -> None:
    read, packet = read_headers(data), dissected(data)
    assert read is not None
    assert isinstance(packet.payload, TCP | UDP)
    assert below(read, packet)
    assert above(read, packet)
    assert read.length == len(packet.payload.payload)
    assert data[read.payload :] == bytes(packet.payload.payload)


@given(garbled())
def test_what_is_read_of_a_garbled_packet_is_what_scapy_reads(data: bytes) -> None:
    read = read_headers(data)
    if read is not None:
        packet = dissected(data)
        assert below(read, packet)
        assert above(read, packet)


@given(st.one_of(garbled(), st.binary(max_size=400)), st.binary(max_size=20))
def test_any_bytes_become_one_harmless_line(data: bytes, rest: bytes) -> None:
    whole = pcapng.packet(data, time_ns=1, wire_bytes=len(data), direction=pcapng.INBOUND)
    damaged = bytes([pcapng.PACKET]) + rest + data
    lines = list(describe_packets([("o1", whole), ("", damaged)]))
    assert lines[0].startswith("o1 0.000000 ")
    assert all(line.isprintable() for line in lines)


def test_nothing_is_written_into_the_home_folder(tmp_path: Path) -> None:
    program = ("from probe_analysis.commands.packet_lines import describe_packets; from probe.core import pcapng; "
               "print(*describe_packets([('o1', pcapng.packet(b'E', time_ns=1, wire_bytes=1, direction=1))]))")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")} | {"HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True,
                          timeout=120, check=True)
    assert done.stdout.startswith("o1 0.000000 ")
    assert not list(tmp_path.iterdir())
