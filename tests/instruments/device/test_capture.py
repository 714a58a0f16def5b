"""Capturing: what the kernel's filter lets pass, what headers are read, whose packet belongs to which observation."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoRequest, IPv6
from scapy.packet import Raw

from observations import RESET, observation, operation
from probe.core.observations import Observation
from probe.instruments.clock import Clock
from probe.instruments.packets.capture import MAX_FLOW_PACKETS, MAX_FLOWS, PacketCapture
from probe.instruments.packets.packet_filter import SNAP_BYTES, make_instructions
from probe.instruments.packets.packet_headers import read_headers
from probe.store.text_forms import format_packet

US4, THEM4, US6, THEM6 = "81.2.69.160", "93.184.216.34", "2a02:4780::7", "2606:2800::1"
_OUTGOING, _INCOMING = 4, 0


def net(version: int, *, outbound: bool, **fields: Any) -> Any:
    us, them = (US4, THEM4) if version == 4 else (US6, THEM6)
    src, dst = (us, them) if outbound else (them, us)
    return IP(src=src, dst=dst, **fields) if version == 4 else IPv6(src=src, dst=dst)


def tcp(version: int, flags: str, *, outbound: bool, size: int = 0, port: int = 40_000, **fields: Any) -> bytes:
    ports: dict[str, Any] = {"sport": port, "dport": 443} if outbound else {"sport": 443, "dport": port}
    return bytes(net(version, outbound=outbound) / TCP(flags=flags, **ports, **fields) / Raw(b"x" * size))


# ---- the filter


LOADS: dict[int, Callable[[bytes, int, int], int]] = {
    0x30: lambda data, k, x: data[k],
    0x28: lambda data, k, x: int(struct.unpack_from(">H", data, k)[0]),
    0x50: lambda data, k, x: data[x + k],
    0x48: lambda data, k, x: int(struct.unpack_from(">H", data, x + k)[0]),
}
TESTS: dict[int, Callable[[int, int], bool]] = {
    0x15: lambda a, k: a == k, 0x25: lambda a, k: a > k, 0x45: lambda a, k: bool(a & k)}


def runs(data: bytes, packet_type: int) -> int:
    """What the program returns for a packet, as the kernel would run it: a packet that is too short is dropped."""
    try:
        return interpreted(data, packet_type)
    except (IndexError, struct.error):
        return 0


def interpreted(data: bytes, packet_type: int) -> int:
    program, at, a, x = make_instructions(), 0, 0, 0
    while program[at][0] != 0x06:
        code, true, false, k = program[at]
        at += 1
        if code in LOADS:
            a = LOADS[code](data, k, x)
        elif code in TESTS:
            at += true if TESTS[code](a, k) else false
        elif code == 0x20:
            assert k == 0xFFFFF004
            a = packet_type
        elif code == 0xB1:
            x = 4 * (data[k] & 15)
        else:
            assert code == 0x74
            a >>= k
    return program[at][3]


@pytest.mark.parametrize("version", [4, 6])
def test_what_tells_how_a_connection_begins_and_ends_passes(version: int) -> None:
    for flags in ("S", "SA", "F", "FA", "R", "RA", "PA"):
        for outbound in (True, False):
            assert runs(tcp(version, flags, outbound=outbound), _OUTGOING if outbound else 0) == SNAP_BYTES
    assert runs(tcp(version, "PA", outbound=True, size=1400), _OUTGOING) == SNAP_BYTES
    assert runs(tcp(version, "A", outbound=False), _INCOMING) == SNAP_BYTES
    assert runs(tcp(version, "A", outbound=True), _OUTGOING) == 0
    assert runs(tcp(version, "A", outbound=False, size=1400), _INCOMING) == 0


@pytest.mark.parametrize("version", [4, 6])
def test_of_udp_only_questions_and_answers_pass(version: int) -> None:
    question = DNS(rd=1, qd=DNSQR(qname="t.example"))
    assert runs(bytes(net(version, outbound=True) / UDP(sport=4, dport=53) / question), 4) == SNAP_BYTES
    assert runs(bytes(net(version, outbound=False) / UDP(sport=53, dport=4) / question), 0) == SNAP_BYTES
    assert runs(bytes(net(version, outbound=False) / UDP(sport=3478, dport=3478) / Raw(b"x" * 20)), 0) == 0


def test_of_icmp_only_errors_pass() -> None:
    inner = tcp(4, "S", outbound=True)
    assert runs(bytes(net(4, outbound=False) / ICMP(type=3, code=13) / inner), 0) == SNAP_BYTES
    assert runs(bytes(net(4, outbound=False) / ICMP(type=8) / inner), 0) == 0
    assert runs(bytes(net(6, outbound=False) / ICMPv6DestUnreach() / tcp(6, "S", outbound=True)), 0) == SNAP_BYTES
    assert runs(bytes(net(6, outbound=False) / ICMPv6EchoRequest()), 0) == 0


def test_later_fragments_and_other_protocols_do_not_pass() -> None:
    assert runs(bytes(net(4, outbound=False, frag=100) / Raw(b"\0\x35\0\x35" + b"\xff" * 40)), 0) == 0
    assert runs(bytes(net(4, outbound=False, proto=47) / Raw(b"\xff" * 40)), 0) == 0


@given(st.binary(max_size=120), st.sampled_from([0, 4]))
def test_the_filter_ends_for_any_packet(data: bytes, packet_type: int) -> None:
    assert runs(data, packet_type) in (0, SNAP_BYTES)


# ---- headers


@given(st.binary(max_size=120), st.booleans())
def test_any_bytes_are_headers_or_none(data: bytes, quoted: bool) -> None:
    read_headers(data, quoted=quoted)


@given(st.data())
def test_a_packet_with_bytes_changed_and_cut_is_read_or_not(data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from([
        tcp(4, "SA", outbound=False), tcp(6, "PA", outbound=True, size=40),
        bytes(net(4, outbound=False) / ICMP(type=3) / tcp(4, "S", outbound=True))])))
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=4)):
        whole[at] = data.draw(st.integers(0, 255))
    capture = fresh()
    raw = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    for outbound in (True, False):
        capture.keep(raw, outbound=outbound, at_s=1.0)


def test_the_headers_are_those_that_another_implementation_wrote() -> None:
    raw = bytes(net(4, outbound=False, ttl=52, id=4660, flags="DF")
                / TCP(sport=443, dport=4, flags="PA", seq=5, ack=6, window=7, options=[("MSS", 1400)]) / Raw(b"abc"))
    h = read_headers(raw[:44])
    assert h is not None
    assert (h.ttl, h.ip_id, h.df, h.seq, h.ack, h.window, h.length) == (52, 4660, 1, 5, 6, 7, 3)
    six = read_headers(tcp(6, "SA", outbound=False, size=9))
    assert six is not None
    assert (six.family, six.ip_id, six.df, six.length, six.sport) == (6, -1, -1, 9, 443)


# ---- flows


def fresh() -> PacketCapture:
    return PacketCapture(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), Clock(datetime.now(UTC), 0.0))


def reset_flow(capture: PacketCapture, version: int = 4, *, port: int = 40_000, at_s: float = 1.0) -> None:
    """A connection that is reset by somebody with another TTL."""
    capture.keep(tcp(version, "S", outbound=True, seq=1000, port=port), outbound=True, at_s=at_s)
    capture.keep(tcp(version, "SA", outbound=False, seq=9000, ack=1001, port=port), outbound=False, at_s=at_s + 0.1)
    capture.keep(tcp(version, "PA", outbound=True, seq=1001, ack=9001, size=200, port=port), outbound=True,
                 at_s=at_s + 0.11)
    capture.keep(tcp(version, "RA", outbound=False, seq=9001, ack=1201, port=port), outbound=False, at_s=at_s + 0.15)


def ended(version: int = 4, **changes: Any) -> list[Observation]:
    address = THEM4 if version == 4 else THEM6
    return [operation("connect", address, t0_s=1.0, t_s=1.1),
            operation("tls_handshake", address, RESET, t0_s=1.11, t_s=1.16, **changes)]


@pytest.mark.parametrize("version", [4, 6])
def test_a_visits_packets_stand_with_its_last_operation(version: int) -> None:
    capture, seen = fresh(), ended(version)
    reset_flow(capture, version)
    capture.claim(seen, 40_000)
    assert capture.list_packets(seen[0]) == ()
    told = capture.list_packets(seen[1])
    assert [(p.flags, p.inbound, p.seq, p.ack, p.length) for p in told] == [
        ("S", False, 0, 0, 0), ("SA", True, 0, 1, 0), ("AP", False, 1, 1, 200), ("AR", True, 1, 201, 0)]
    assert [p.at_ms for p in told] == [0, 100, 110, 150]


def test_neither_an_address_nor_a_port_of_ours_is_told() -> None:
    capture, seen = fresh(), ended()
    reset_flow(capture)
    capture.claim(seen, 40_000)
    text = ";".join(map(format_packet, capture.list_packets(seen[1])))
    assert text
    for secret in (US4, THEM4, "40000", ipaddress.ip_address(US4).packed.hex()):
        assert secret not in text


def test_of_two_at_one_place_and_time_each_has_its_own() -> None:
    capture, seen = fresh(), ended()
    reset_flow(capture, port=40_000)
    capture.keep(tcp(4, "S", outbound=True, seq=77, port=40_001), outbound=True, at_s=1.02)
    capture.claim(seen, 40_001)
    assert [p.flags for p in capture.list_packets(seen[1])] == ["S"]
    capture.claim(seen, 0)  # no port was to be had
    assert [p.flags for p in capture.list_packets(seen[1])] == ["S"]


def test_what_nobody_began_here_is_not_kept() -> None:
    capture, seen = fresh(), ended()
    capture.keep(tcp(4, "PA", outbound=True), outbound=True, at_s=1.0)
    capture.keep(tcp(4, "RA", outbound=False), outbound=False, at_s=1.1)
    capture.claim(seen, 40_000)
    assert capture.find_flow(seen[1]) is None


@pytest.mark.parametrize(("version", "error"), [(4, ICMP(type=3, code=13)), (6, ICMPv6DestUnreach(code=1))])
def test_an_icmp_error_belongs_to_the_packet_that_it_quotes(version: int, error: Any) -> None:
    capture, seen = fresh(), ended(version)
    syn = tcp(version, "S", outbound=True, seq=1000)
    capture.keep(syn, outbound=True, at_s=1.0)
    router = (IP(src="5.6.7.8", dst=US4) if version == 4 else IPv6(src="2a00::9", dst=US6)) / error / syn
    capture.keep(bytes(router), outbound=False, at_s=1.05)
    capture.claim(seen, 40_000)
    assert [p.flags for p in capture.list_packets(seen[1])] == [
        "S", "icmp 3/13 other" if version == 4 else "icmp 1/1 other"]


def test_every_answer_to_a_question_is_kept_with_it() -> None:
    capture = fresh()
    for number, begin_s in ((77, 2.0), (78, 2.5)):  # two questions from one port
        ask = net(4, outbound=True) / UDP(sport=5000, dport=53) / DNS(id=number, rd=1, qd=DNSQR(qname="t.example"))
        capture.keep(bytes(ask), outbound=True, at_s=begin_s)
    for n in range(3):
        capture.keep(bytes(net(4, outbound=False, ttl=40 + n, id=7) / UDP(sport=53, dport=5000) / DNS(id=77, qr=1)),
                     outbound=False, at_s=2.01 + n)
    capture.claim_question(THEM4, 5000 | 77 << 16, 1.999)
    row = observation(operation="dns_round_trip", resolver_address=THEM4, t0_s=1.999)
    assert [(p.flags, p.ttl, p.ip_id) for p in capture.list_packets(row) if p.inbound] == [
        ("udp", 40, 7), ("udp", 41, 7), ("udp", 42, 7)]


def test_what_is_seen_at_two_interfaces_counts_once() -> None:
    capture, seen = fresh(), ended()
    packets = [(tcp(4, "S", outbound=True, seq=1000), True, 1.0), (tcp(4, "SA", outbound=False, seq=9000), False, 1.1),
               (tcp(4, "RA", outbound=False, seq=9001), False, 1.15)]
    for raw, outbound, at_s in packets:
        for interface in ("bond0", "eth0") if outbound else ("eth0", "bond0"):
            capture.keep(raw, outbound=outbound, at_s=at_s, interface=interface)
    capture.claim(seen, 40_000)
    assert [p.flags for p in capture.list_packets(seen[1])] == ["S", "SA", "AR"]


def test_a_port_that_was_used_again_is_not_taken_for_the_first() -> None:
    capture, first = fresh(), ended()
    reset_flow(capture)
    capture.claim(first, 40_000)
    capture.keep(tcp(4, "S", outbound=True, seq=555), outbound=True, at_s=90.0)
    assert capture.find_flow(first[1]) is None


def test_memory_is_bounded() -> None:
    capture, seen = fresh(), ended()
    capture.claim(seen, 40_000)
    reset_flow(capture)
    for n in range(3 * MAX_FLOW_PACKETS):
        capture.keep(tcp(4, "RA", outbound=False), outbound=False, at_s=1.2 + n / 1000)
    for port in range(1, MAX_FLOWS + 400):
        capture.keep(tcp(4, "S", outbound=True, port=port, seq=port) if port % 64 == 0 else
                     tcp_syn(port), outbound=True, at_s=2.0)
    flow = capture.find_flow(seen[1])
    assert flow is not None, "what a measurement claimed stays"
    assert len(flow.packets) <= MAX_FLOW_PACKETS
    assert len(capture._flows) <= MAX_FLOWS


def tcp_syn(port: int) -> bytes:
    """A SYN from a port, made without a library: thousands of them."""
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, socket.inet_aton(US4), socket.inet_aton(THEM4))
    return head + struct.pack(">HHIIHHHH", port, 443, port, 0, 0x5002, 100, 0, 0)
