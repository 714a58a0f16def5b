"""The run's own packets, where it may open a raw socket (CAP_NET_RAW): one cooked socket, one thread, bounded memory.

The kernel hands over what `probe.instruments.packets.packet_filter` lets pass, without link headers: no MAC address is
ever seen. Flows that begin while the run lasts are kept for a while in memory, whoever's they are, for a packet does
not say which program sent it; only those that a measurement claims are ever looked at, and the others end with the run.
Nobody waits for packets: they are read when the run is over, so what comes late (second resets, data after a reset) is
there.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from probe.core.observations import Observation
from probe.core.packets import Packet
from probe.core.tables.operations import Operation
from probe.instruments.clock import Clock
from probe.instruments.packets.packet_filter import SNAP_BYTES, assemble_filter, make_instructions
from probe.instruments.packets.packet_headers import (
    ACK,
    ICMP,
    ICMP6,
    RST,
    SYN,
    TCP,
    UDP,
    PacketHeaders,
    format_flags,
    read_headers,
)
from probe.judge.packets.decisive_packets import select_decisive

MAX_FLOWS = 4096
"""Flows kept at a time; the oldest that nobody claimed makes room."""
MAX_FLOW_PACKETS = 40
MAX_BYTES = 8 << 20
"""Of all packets kept at a time."""
LINGER_S = 1.0
"""How long the end of a run waits for what may follow a reset that came just before."""
_BATCH_S = 0.02
_IDLE_S = 0.05
_ALL = 3  # ETH_P_ALL: packets in both directions
_ATTACH_FILTER, _TIMESTAMP_NS = 26, 35
_OUTGOING = 4
_DNS = 53
_SLACK_S = 0.05
_SENT_WITHIN_S = 1.0
"""A crowded machine takes its time between noting that a question is sent and sending it."""

Key = tuple[int, bytes, int, int]
"""Protocol, the other side's address and port, our port; of DNS questions with their number above its 16 bits, for a
port is used for more than one in a run."""


@dataclass(slots=True)
class CapturedPacket:
    """A packet as it was captured, at `at_s` of the run's clock."""

    at_s: float
    outbound: bool
    data: bytes


@dataclass(slots=True)
class CapturedFlow:
    """Every packet of one connection or question that was kept."""

    begin_s: float
    seq: int
    interface: str = ""
    """Where it began: what passes one network card is seen again at the bridge or bond above it."""
    packets: list[CapturedPacket] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Claim:
    key: Key
    begin_s: float
    end_s: float


def _wall_offset_s() -> float:
    """By how much the time of day, which stamps packets, is ahead of the clock of a run. A crowded machine may put us
    to sleep between two readings, so the closest of some counts."""
    def readings() -> tuple[float, float]:
        before_s, now_s, after_s = time.monotonic(), time.time(), time.monotonic()
        return after_s - before_s, now_s - before_s

    return min(readings() for _ in range(5))[1]


def _row(seen: Observation) -> tuple[Operation, str, float]:
    return seen.operation, seen.address or seen.dns.resolver_address, seen.t0_s


class PacketCapture:
    """The flows of a run. `claim` may be called from any thread, `texts` and `flow_of` once `close` was."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._sock, self._clock = sock, clock
        self._offset_s = _wall_offset_s() + clock.zero
        self._flows: OrderedDict[Key, CapturedFlow] = OrderedDict()
        self._claims: dict[tuple[Operation, str, float], _Claim] = {}
        self._bytes = 0
        self._closing = False
        self._thread = threading.Thread(target=self._loop, name="capture", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._closing = True
        self._thread.join(timeout=2)
        self._sock.close()

    def claim(self, seen: Sequence[Observation], our_port: int) -> None:
        """The last of a visit's observations stands for its connection."""
        if not seen or not our_port:
            return
        with contextlib.suppress(ValueError):
            key = TCP, ip_address(seen[0].address).packed, seen[0].port, our_port
            self._claims[_row(seen[-1])] = _Claim(key, seen[0].t0_s, seen[0].t_s)

    def claim_question(self, server: str, our_port: int, sent_s: float) -> None:
        """A question over UDP that was sent at `sent_s` of the run's clock."""
        with contextlib.suppress(ValueError):
            key = UDP, ip_address(server).packed, _DNS, our_port
            self._claims["dns_round_trip", server, sent_s] = _Claim(key, sent_s, sent_s + _SENT_WITHIN_S)

    def find_flow(self, seen: Observation) -> CapturedFlow | None:
        """The flow of an observation, where it was seen and is certainly its own."""
        claim = self._claims.get(_row(seen))
        flow = self._flows.get(claim.key) if claim else None
        if claim is None or flow is None:
            return None
        return flow if claim.begin_s - _SLACK_S <= flow.begin_s <= claim.end_s + _SLACK_S else None

    def list_packets(self, seen: Observation, *, brief: bool = False) -> tuple[Packet, ...]:
        """The decisive packets of an observation; `brief`: those that begin it alone."""
        flow = self.find_flow(seen)
        if flow is None:
            return ()
        return select_decisive(_read(flow, flow.packets[:2] if brief else flow.packets))

    def _loop(self) -> None:
        while True:
            last = self._closing
            with contextlib.suppress(OSError):  # a time-out, or an interface that went away
                self._take(0)
                while True:
                    self._take(socket.MSG_DONTWAIT)
            if last:
                return
            time.sleep(_BATCH_S)  # the kernel collects meanwhile: to wake for each packet would slow the others down

    def _take(self, how: int) -> None:
        data, extra, _, sender = self._sock.recvmsg(SNAP_BYTES, 64, how)
        if sender[0] == "lo":
            return
        at_s = time.monotonic() - self._clock.zero
        for _, kind, stamp in extra:
            if kind == _TIMESTAMP_NS and len(stamp) >= 16:
                seconds, nanoseconds = struct.unpack_from("@qq", stamp)
                at_s = seconds + nanoseconds / 1e9 - self._offset_s
        self.keep(data, outbound=sender[2] == _OUTGOING, at_s=at_s, interface=sender[0])

    def keep(self, data: bytes, *, outbound: bool, at_s: float, interface: str = "") -> None:
        """Put a packet to its flow; SYNs and questions that leave begin one, everything else needs one."""
        found = read_headers(data)
        if found is None:
            return
        key = _key_of(found, data, outbound=outbound)
        flow = self._flows.get(key) if key is not None else None
        begins = outbound and (found.protocol == UDP or found.flags & (SYN | ACK) == SYN)
        if key is not None and begins and (flow is None or (found.protocol == TCP and found.seq != flow.seq)):
            flow = self._begin(key, CapturedFlow(at_s, found.seq, interface))
        if flow is None or flow.interface != interface or self._bytes >= MAX_BYTES:
            return
        if len(flow.packets) >= MAX_FLOW_PACKETS:
            return
        if len(flow.packets) >= MAX_FLOW_PACKETS // 2 and not found.flags & RST:
            return
        flow.packets.append(CapturedPacket(at_s, outbound, data))
        self._bytes += len(data)

    def _begin(self, key: Key, flow: CapturedFlow) -> CapturedFlow:
        if (old := self._flows.pop(key, None)) is not None:
            self._forget(old)
        if len(self._flows) >= MAX_FLOWS or self._bytes >= MAX_BYTES // 2:
            self._make_room()
        self._flows[key] = flow
        return flow

    def _make_room(self) -> None:
        mine = {claim.key for claim in list(self._claims.values())}
        keys = [key for key in self._flows if key not in mine]
        if not keys and len(self._flows) >= MAX_FLOWS:
            keys = list(self._flows)
        for key in keys[: MAX_FLOWS // 8]:
            self._forget(self._flows.pop(key))

    def _forget(self, flow: CapturedFlow) -> None:
        self._bytes -= sum(len(packet.data) for packet in flow.packets)


def _key_of(found: PacketHeaders, data: bytes, *, outbound: bool) -> Key | None:
    """The flow that a packet belongs to, as this side sees it; of an ICMP error that of the packet it quotes."""
    if found.protocol in (ICMP, ICMP6):
        if outbound:
            return None
        inner = data[found.payload :]
        quote = read_headers(inner, quoted=True)
        return _key_of(quote, inner, outbound=True) if quote is not None else None
    number = int.from_bytes(data[found.payload : found.payload + 2]) << 16 if found.protocol == UDP else 0
    if outbound:
        return found.protocol, found.destination, found.dport, found.sport | number
    return found.protocol, found.source, found.sport, found.dport | number


def _read(flow: CapturedFlow, packets: Sequence[CapturedPacket]) -> list[Packet]:
    """The packets of a flow with times and numbers from its beginning."""
    numbered: list[Packet] = []
    theirs = 0
    peer: bytes | None = None
    for seen in packets:
        found = read_headers(seen.data)
        if found is None:
            continue
        if seen.outbound:
            peer = peer or found.destination
        elif found.protocol == TCP and found.flags & (SYN | ACK) == SYN | ACK and not theirs:
            theirs = found.seq
        numbered.append(_packet(found, seen, flow, theirs, peer))
    return numbered


def _packet(found: PacketHeaders, seen: CapturedPacket, flow: CapturedFlow, theirs: int, peer: bytes | None) -> Packet:
    flags, seq, ack = "udp", 0, 0
    if found.protocol in (ICMP, ICMP6):
        flags = f"icmp {found.kind}/{found.code} {'peer' if found.source == peer else 'other'}"
    elif found.protocol == TCP:
        flags = format_flags(found.flags)
        ours, other = (flow.seq, theirs) if seen.outbound else (theirs, flow.seq)
        seq = (found.seq - ours) % 2**32
        ack = (found.ack - other) % 2**32 if found.flags & ACK else 0
    return Packet(
        at_ms=round(1000 * (seen.at_s - flow.begin_s), 2), inbound=not seen.outbound, ttl=found.ttl, ip_id=found.ip_id,
        df=found.df, flags=flags, seq=seq, ack=ack, window=found.window, length=found.length,
    )


def open_capture(clock: Clock) -> PacketCapture | None:
    """Begin to listen; None, without a word, where this process may not, or where the system has no such sockets."""
    try:
        sock = _open_socket()
    except (OSError, AttributeError):
        return None
    capture = PacketCapture(sock, clock)
    capture.start()
    return capture


def may_capture() -> bool:
    """Whether a run of this process would see packets. Nothing is sent."""
    try:
        _open_socket().close()
    except (OSError, AttributeError):
        return False
    return True


def _open_socket() -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL))
    try:
        code = array("B", assemble_filter())  # the kernel copies it before the call returns
        sock.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER,
                        struct.pack("@HP", len(make_instructions()), code.buffer_info()[0]))
        sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMP_NS, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 0, int(1e6 * _IDLE_S)))
    except OSError:
        sock.close()
        raise
    return sock
