"""What the kernel knows of a connection (TCP_INFO, tcp(7)): segments, round trips, what is under way."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, replace

from probe.core.observation_parts import TcpPart
from probe.core.observations import Observation
from probe.instruments.streams.sockets import RecordedSocket, read_kernel_info

_LENGTH, _DELIVERED_LENGTH, _WHOLE_LENGTH = 152, 196, 228
"""As far as Linux 4.6 tells, 4.18, and 5.4."""
_RECEIVE_MSS, _UNACKED, _MEAN_RTT, _REPEATED = 20, 24, 68, 100
_BYTES_ACKED, _SEGMENTS_OUT, _MIN_RTT, _DELIVERED, _OUT_OF_ORDER = 120, 136, 148, 192, 224
"""Offsets in struct tcp_info (linux/tcp.h): tcpi_rcv_mss, tcpi_unacked, tcpi_rtt, tcpi_total_retrans, tcpi_bytes_acked,
tcpi_segs_out and tcpi_segs_in, tcpi_min_rtt, tcpi_delivered, tcpi_rcv_ooopack."""
_UNMEASURED = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpInfo:
    """A moment of one connection; all zero where the system does not tell."""

    unacked: int = 0
    segments: int = 0
    """Sent and received."""
    sent: int = 0
    """Segments sent."""
    min_rtt_ms: float = 0.0
    retransmits: int = 0
    """Segments that were sent again since the connection began, the SYN among them."""
    mean_rtt_ms: float = 0.0
    delivered: int = 0
    """Segments with a SYN, data or an end that the other side acknowledged; 0 also before Linux 4.18."""
    bytes_acked: int = 0
    """Bytes that the other side acknowledged, the SYN counted as one (RFC 4898, tcpEStatsAppHCThruOctetsAcked)."""
    out_of_order: int = 0
    """Segments with data that came before one that belongs in front of them; 0 also before Linux 5.4."""
    receive_mss: int = 0
    """The kernel's guess at the other side's segments, in bytes: as large as the largest that came, 536 at first."""


def get_tcp_info(sock: socket.socket) -> TcpInfo:
    """Read it; raises nothing. Linux 4.6 or newer tells everything, older ones less."""
    return parse_tcp_info(read_kernel_info(sock, _WHOLE_LENGTH))


def parse_tcp_info(data: bytes) -> TcpInfo:
    """The fields as far as `data` reaches; pure."""
    if len(data) < _UNACKED + 4:
        return TcpInfo()
    unacked = struct.unpack_from("@I", data, _UNACKED)[0]
    if len(data) < _LENGTH:
        return TcpInfo(unacked=unacked)
    receive_mss = struct.unpack_from("@I", data, _RECEIVE_MSS)[0]
    acked = struct.unpack_from("@Q", data, _BYTES_ACKED)[0]
    out, back = struct.unpack_from("@II", data, _SEGMENTS_OUT)
    rtt = struct.unpack_from("@I", data, _MIN_RTT)[0]
    repeated = struct.unpack_from("@I", data, _REPEATED)[0]
    mean = struct.unpack_from("@I", data, _MEAN_RTT)[0]
    delivered = struct.unpack_from("@I", data, _DELIVERED)[0] if len(data) >= _DELIVERED_LENGTH else 0
    disordered = struct.unpack_from("@I", data, _OUT_OF_ORDER)[0] if len(data) >= _WHOLE_LENGTH else 0
    rtt_ms = 0.0 if rtt == _UNMEASURED else round(rtt / 1000, 3)
    return TcpInfo(unacked=unacked, segments=out + back, sent=out, min_rtt_ms=rtt_ms, retransmits=repeated,
                   mean_rtt_ms=round(mean / 1000, 3) if rtt_ms else 0.0, delivered=delivered, receive_mss=receive_mss,
                   bytes_acked=acked, out_of_order=disordered)


def note_times(part: TcpPart, sock: RecordedSocket) -> TcpPart:
    """The part with the times of the operation that ends now; a reset leaves what the system knows readable."""
    info = get_tcp_info(sock)
    return replace(part, min_rtt_ms=info.min_rtt_ms, retransmits=info.retransmits, end_ms=sock.end_ms)


def note_end(seen: list[Observation], sock: RecordedSocket) -> None:
    """Write into the last operation of a connection what TCP knows of the whole, just before it is closed, or before
    small records, which are no ordinary traffic: the first call counts. What was read on of a page is no operation of
    its own."""
    if any(o.tcp.segments_out for o in seen):
        return
    info = get_tcp_info(sock)
    last = next((n for n, o in reversed(list(enumerate(seen))) if o.operation != "transfer"), None)
    if last is None or not info.sent:
        return
    part = replace(seen[last].tcp, retransmits=info.retransmits, segments_out=info.sent, delivered=info.delivered,
                   mean_rtt_ms=info.mean_rtt_ms, out_of_order=info.out_of_order)
    seen[last] = replace(seen[last], tcp=part)
