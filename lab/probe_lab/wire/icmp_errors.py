"""ICMP errors that quote the packet they are about (RFC 792, RFC 1812 4.3.2, RFC 4443)."""

from __future__ import annotations

from collections.abc import Mapping

from probe_lab.wire.packet import ICMP, ICMP6, IpHeader, Packet, build_icmp, parse_packet

TIME_EXCEEDED = {4: (11, 0), 6: (3, 0)}
TOO_BIG = {4: (3, 4), 6: (2, 0)}
UNREACHABLE = {4: 3, 6: 1}
HOST_UNREACHABLE = {4: 1, 6: 3}
"""Code of the `unreachable` that says nobody has this address: host, and in IPv6 address unreachable."""
NO_ROUTE = {4: 0, 6: 0}
"""Code of the `unreachable` of a router that knows no way: net, and in IPv6 no route."""
PROHIBITED = {4: 13, 6: 1}
"""Code of the `unreachable` of a firewall: communication administratively prohibited (RFC 1812 5.2.7.1, RFC 4443 3.1).
"""

_QUOTE_BYTES = {4: 576 - 28, 6: 1280 - 48}
_ERRORS4 = frozenset((3, 4, 5, 11, 12))


def is_error(packet: Packet) -> bool:
    """Whether this is an ICMP error, which never causes another (RFC 1122 3.2.2)."""
    if packet.proto == ICMP6:
        return 0 <= packet.icmp_type < 128
    return packet.proto == ICMP and packet.icmp_type in _ERRORS4


def make_time_exceeded(raw: bytes, *, sender: str) -> bytes | None:
    """The answer of the router at which this packet's TTL ran out."""
    packet = parse_packet(raw)
    if packet is None:
        return None
    kind, code = TIME_EXCEEDED[packet.version]
    return make_icmp_error(packet, sender=sender, kind=kind, code=code)


def make_host_unreachable(raw: bytes, *, sender: str) -> bytes | None:
    """The answer of the last router about an address that nobody has."""
    return _unreachable(raw, sender=sender, codes=HOST_UNREACHABLE)


def make_no_route(raw: bytes, *, sender: str) -> bytes | None:
    """The answer of a router that knows no way to an address."""
    return _unreachable(raw, sender=sender, codes=NO_ROUTE)


def make_prohibited(raw: bytes, *, sender: str) -> bytes | None:
    """The answer of a firewall that rejects."""
    return _unreachable(raw, sender=sender, codes=PROHIBITED)


def _unreachable(raw: bytes, *, sender: str, codes: Mapping[int, int]) -> bytes | None:
    packet = parse_packet(raw)
    if packet is None:
        return None
    return make_icmp_error(packet, sender=sender, kind=UNREACHABLE[packet.version], code=codes[packet.version])


def make_packet_too_big(raw: bytes, *, sender: str, mtu: int) -> bytes | None:
    """The answer of a router whose next link takes packets of `mtu` bytes at most (RFC 1191, RFC 4443 3.2)."""
    packet = parse_packet(raw)
    if packet is None:
        return None
    kind, code = TOO_BIG[packet.version]
    return make_icmp_error(packet, sender=sender, kind=kind, code=code, rest=mtu.to_bytes(4))


def make_icmp_error(packet: Packet, *, sender: str, kind: int, code: int, rest: bytes = bytes(4)) -> bytes | None:
    """An error of any type, sent to the packet's source; None where none may be sent. `rest`: as in `build_icmp`."""
    if is_error(packet):
        return None
    quote = packet.raw[: _QUOTE_BYTES[packet.version]]
    return build_icmp(IpHeader(src=sender, dst=packet.src), kind=kind, code=code, rest=rest, payload=quote)


def read_quoted(packet: Packet) -> Packet | None:
    """The packet that an ICMP error is about, as far as it is quoted; None when this is no error."""
    if not is_error(packet):
        return None
    return parse_packet(packet.payload, cut=True)
