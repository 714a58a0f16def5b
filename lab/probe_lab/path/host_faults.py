"""Faults of the hosts at the far end: off, silent, or refusing the client as a host's own kernel or firewall does."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from probe_lab.lab_types import Fault, World
from probe_lab.path.fault_notes import FaultNotes
from probe_lab.servers.faults import number, text
from probe_lab.wire.icmp_errors import make_host_unreachable, make_prohibited
from probe_lab.wire.packet import ACK, FIN, RST, SYN, TCP, IpHeader, Packet, build_tcp, pack_address, parse_packet

MAX_CONNECTIONS = 4096
"""Connections that a host remembers, so that a repeated SYN counts once."""

_FOREVER_S = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A packet that its host does not get."""

    reply: bytes | None = None
    """What its sender gets instead; None: nothing."""
    from_router: bool = False
    """The last router sends the reply, not the host."""


@dataclass(slots=True, kw_only=True)
class _Host:
    """One host with a fault, under all its addresses."""

    fault: Fault
    act: Callable[[_Host, bytes, float], Refusal | None]
    client_only: bool
    connections: OrderedDict[tuple[str, int, int], None] = field(default_factory=OrderedDict)
    """Sender and ports of the connections counted since the last ban."""
    banned_until_s: float = 0.0


class HostFaults:
    """Which hosts do not take the packets that arrive for them."""

    def __init__(
        self, faults: Iterable[Fault], *, world: World, notes: FaultNotes, last_router: Callable[[bytes], str]
    ) -> None:
        """`last_router` is the address of the last router that a packet has passed.

        Faults of other kinds belong to others and are ignored. Raises OSError for a match that is nobody.
        """
        self._notes = notes
        self._clients = frozenset(map(pack_address, world.clients))
        self._hosts: dict[bytes, _Host] = {}
        self._everyone: _Host | None = None
        self._far_s: dict[bytes, float] = {}
        acts = {
            "host_off": lambda _host, raw, _now_s: _off(raw, last_router(raw)),
            "host_silent": lambda _host, _raw, _now_s: Refusal(),
            "host_bans": _ban,
            "host_resets_syn": _reset_syn,
            "host_resets_data": _reset_data,
        }
        for fault in faults:
            if fault.kind in acts:
                self._add(fault, acts[fault.kind], world)
            elif fault.kind == "host_far":
                extra_s = number(fault.params, "rtt_ms", 200) / 1000
                self._far_s |= dict.fromkeys(_places(fault, world), extra_s)

    def __bool__(self) -> bool:
        return bool(self._hosts or self._far_s) or self._everyone is not None

    def delay_s(self, dst: bytes) -> float:
        """How much later than others a host gets its packets: what its round trips cost besides."""
        return self._far_s.get(dst, 0.0)

    def _add(self, fault: Fault, act: Callable[[_Host, bytes, float], Refusal | None], world: World) -> None:
        only = fault.kind in ("host_bans", "host_resets_syn") or bool(fault.params.get("only_client", False))
        for match in fault.match or world.hosts:
            plan = world.hosts.get(match.lower())
            host = _Host(fault=fault, act=act, client_only=only)
            for address in (*plan.ipv4, *plan.ipv6) if plan else (match,):
                if fault.match:
                    self._hosts[pack_address(address)] = host
                else:
                    self._hosts.setdefault(pack_address(address), host)
        if not fault.match:
            self._everyone = _Host(fault=fault, act=act, client_only=only)

    def refusal(self, raw: bytes, *, src: bytes, dst: bytes, now_s: float) -> Refusal | None:
        """What becomes of a packet that has arrived at `dst`; None: the host takes it."""
        host = self._hosts.get(dst, self._everyone)
        if host is None or (host.client_only and src not in self._clients):
            return None
        refusal = host.act(host, raw, now_s)
        if refusal is not None:
            self._notes.write(host.fault, host=dst, to_server=True, now_s=now_s)
        return refusal


def _places(fault: Fault, world: World) -> list[bytes]:
    """Every address of the hosts that a fault concerns."""
    plans = [(match, world.hosts.get(match.lower())) for match in fault.match or world.hosts]
    return [pack_address(text) for match, plan in plans for text in ((*plan.ipv4, *plan.ipv6) if plan else (match,))]


def kernel_reset(packet: Packet) -> bytes | None:
    """The RST with which Linux refuses a TCP segment (RFC 9293 3.5.2): full TTL, DF, IP ID 0, window 0."""
    if packet.flags & RST:
        return None
    header = IpHeader(src=packet.dst, dst=packet.src, ttl=64, ip_id=0, df=True)
    sport, dport = packet.dport, packet.sport
    if packet.flags & ACK:
        return _labelled(build_tcp(header, sport=sport, dport=dport, flags=RST, seq=packet.ack))
    taken = len(packet.payload) + bool(packet.flags & SYN) + bool(packet.flags & FIN)
    return _labelled(build_tcp(header, sport=sport, dport=dport, flags=RST | ACK, ack=packet.seq + taken))


def _labelled(raw: bytes) -> bytes:
    """An IPv6 segment with a flow label of its connection, as Linux gives one to all that it sends (RFC 6437)."""
    if raw[0] >> 4 == 4:
        return raw
    label = zlib.crc32(raw[8:44]) & 0xFFFFF
    return (6 << 28 | label).to_bytes(4) + raw[4:]


def _off(raw: bytes, sender: str) -> Refusal:
    return Refusal(reply=make_host_unreachable(raw, sender=sender), from_router=True)


def _is_syn(packet: Packet | None) -> bool:
    return packet is not None and packet.proto == TCP and packet.flags & (SYN | ACK) == SYN


def _reset_syn(host: _Host, raw: bytes, now_s: float) -> Refusal | None:
    packet = parse_packet(raw)
    if packet is None or not _is_syn(packet):
        return None
    return Refusal(reply=kernel_reset(packet))


def _reset_data(host: _Host, raw: bytes, now_s: float) -> Refusal | None:
    packet = parse_packet(raw)
    if packet is None or packet.proto != TCP or not packet.payload or packet.flags & RST:
        return None
    params = host.fault.params
    header = IpHeader(src=packet.dst, dst=packet.src, ttl=int(number(params, "ttl", 128)),
                      ip_id=zlib.crc32(raw) & 0xFFFF, df=bool(params.get("df", False)))
    return Refusal(reply=build_tcp(header, sport=packet.dport, dport=packet.sport, flags=RST | ACK, seq=packet.ack,
                                   ack=packet.seq + len(packet.payload)))


def _ban(host: _Host, raw: bytes, now_s: float) -> Refusal | None:
    packet = parse_packet(raw)
    if packet is None:
        return None
    params = host.fault.params
    if now_s >= host.banned_until_s and _is_syn(packet):
        _count(host, packet, after=int(number(params, "after", 0)), now_s=now_s)
    if now_s >= host.banned_until_s:
        return None
    reply = text(params, "reply", "drop")
    if reply == "drop":
        return Refusal()
    if reply == "prohibit":
        return Refusal(reply=make_prohibited(raw, sender=packet.dst))
    # A firewall that resets has nothing to say to other protocols.
    return Refusal(reply=kernel_reset(packet)) if packet.proto == TCP else None


def _count(host: _Host, packet: Packet, *, after: int, now_s: float) -> None:
    """Count a connection, and begin a ban with the first one too many."""
    host.connections[packet.src, packet.sport, packet.dport] = None
    if len(host.connections) > after:
        host.banned_until_s = now_s + (number(host.fault.params, "cooldown_s", 0.0) or _FOREVER_S)
        host.connections.clear()
    elif len(host.connections) > MAX_CONNECTIONS:
        host.connections.popitem(last=False)
