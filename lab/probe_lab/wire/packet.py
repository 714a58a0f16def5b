"""IP packets as values: what a middlebox reads off the wire, and builders with every header field settable.

IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293), UDP (RFC 768), ICMP (RFC 792, RFC 4443). Parsing is total:
bytes that are no packet give None.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

ICMP = 1
TCP = 6
UDP = 17
ICMP6 = 58

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
_LETTERS = {"F": FIN, "S": SYN, "R": RST, "P": PSH, "A": ACK}

_MOD = 0xFFFF
_DF = 0x4000
_OFFSET_MASK = 0x1FFF
_EXTENSIONS = frozenset((0, 43, 60))
"""IPv6 hop-by-hop, routing and destination options: `next header, length in 8 bytes less one` (RFC 8200 4)."""
_MAX_EXTENSIONS = 4
_HEAD4 = struct.Struct("!BBHHHBB")
_HEAD_TCP = struct.Struct("!HHIIBBH")


class Packet(NamedTuple):
    """One packet as it was on the wire; transport fields are zero where the packet has none."""

    raw: bytes
    version: int
    src: str
    dst: str
    proto: int
    """Protocol number of the transport, after IPv6 extension headers; a fragment header is not looked behind."""
    ttl: int
    ip_id: int
    df: bool
    offset: int
    """Where the transport header begins in `raw`."""
    sport: int = 0
    dport: int = 0
    flags: int = 0
    seq: int = 0
    ack: int = 0
    window: int = 0
    options: bytes = b""
    icmp_type: int = -1
    icmp_code: int = -1
    payload: bytes = b""
    """What follows the transport header; for ICMP errors the quoted packet."""


_Head = tuple[bytes, int, str, str, int, int, int, bool, int]
"""The fields that `Packet` begins with, `raw` to `offset`."""


class _Network(NamedTuple):
    """The network header."""

    head: _Head
    end: int
    """Where the packet ends in `raw`, or would if it were not cut."""
    transport: bool
    """False for a later fragment, which carries no transport header."""


def flag_bits(letters: str) -> int:
    """TCP flags from letters: `RA` is RST+ACK. Raises KeyError for letters other than F, S, R, P, A."""
    bits = 0
    for letter in letters:
        bits |= _LETTERS[letter]
    return bits


def parse_packet(raw: bytes, *, cut: bool = False) -> Packet | None:
    """Read a packet; None for anything malformed. `cut`: the end may be missing, as in an ICMP quotation."""
    version = raw[0] >> 4 if raw else 0
    if version == 4 and len(raw) >= 20:
        network = _network4(raw)
    elif version == 6 and len(raw) >= 40:
        network = _network6(raw)
    else:
        return None
    if network is None:
        return None
    head, whole_end, transport = network
    end = min(whole_end, len(raw))
    if head[_OFFSET_FIELD] > end or (whole_end > end and not cut):
        return None
    reader = _TRANSPORTS.get(head[_PROTO_FIELD]) if transport else None
    if reader is None:
        return Packet(*head, payload=raw[head[_OFFSET_FIELD] : end])
    return reader(raw, head, end)


_PROTO_FIELD: Final = 4
_OFFSET_FIELD: Final = 8
"""In `_Head`."""


def _network4(raw: bytes) -> _Network | None:
    first, _, total, ip_id, fragment, ttl, proto = _HEAD4.unpack_from(raw)
    header = (first & 15) * 4
    if header < 20 or total < header:
        return None
    head = (
        raw, 4, unpack_address(raw[12:16]), unpack_address(raw[16:20]), proto, ttl, ip_id, bool(fragment & _DF), header,
    )
    return _Network(head, total, not fragment & _OFFSET_MASK)


def _network6(raw: bytes) -> _Network | None:
    length, proto, ttl = struct.unpack_from("!HBB", raw, 4)
    end, offset = 40 + length, 40
    for _ in range(_MAX_EXTENSIONS):
        if proto not in _EXTENSIONS:
            break
        if offset + 2 > len(raw):
            return None
        proto, offset = raw[offset], offset + 8 * (raw[offset + 1] + 1)
    head = (raw, 6, unpack_address(raw[8:24]), unpack_address(raw[24:40]), proto, ttl, 0, False, offset)
    return _Network(head, end, True)


def _tcp(raw: bytes, head: _Head, end: int) -> Packet | None:
    at = head[_OFFSET_FIELD]
    if end - at < 20:
        return None
    sport, dport, seq, ack, high, flags, window = _HEAD_TCP.unpack_from(raw, at)
    body = at + (high >> 4) * 4
    if not at + 20 <= body <= end:
        return None
    return Packet(*head, sport, dport, flags, seq, ack, window, raw[at + 20 : body], -1, -1, raw[body:end])


def _udp(raw: bytes, head: _Head, end: int) -> Packet | None:
    at = head[_OFFSET_FIELD]
    if end - at < 8:
        return None
    sport, dport, length = struct.unpack_from("!HHH", raw, at)
    if length < 8:
        return None
    return Packet(*head, sport, dport, payload=raw[at + 8 : min(end, at + length)])


def _icmp(raw: bytes, head: _Head, end: int) -> Packet | None:
    at = head[_OFFSET_FIELD]
    if end - at < 8:
        return None
    return Packet(*head, icmp_type=raw[at], icmp_code=raw[at + 1], payload=raw[at + 8 : end])


_TRANSPORTS = {TCP: _tcp, UDP: _udp, ICMP: _icmp, ICMP6: _icmp}


def number(data: bytes) -> int:
    """The bytes as one number. One's complement sums of 16-bit words are this number modulo 65535."""
    return int.from_bytes(data + b"\0" if len(data) % 2 else data)


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071): never zero unless the data sum to all ones."""
    total = number(data)
    return _MOD - (total % _MOD or (_MOD if total else 0))


def update_checksum(old: int, *, before: bytes, after: bytes) -> int:
    """The checksum after some 16-bit words changed (RFC 1624), without reading the rest."""
    return _MOD - (_MOD - old + number(after) - number(before)) % _MOD


def pack_address(address: str) -> bytes:
    """The 4 or 16 bytes of an address. Raises OSError for a text that is none."""
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def unpack_address(address: bytes) -> str:
    """The text of a packed address. Raises ValueError for another length than 4 or 16."""
    return socket.inet_ntop(socket.AF_INET6 if len(address) == 16 else socket.AF_INET, address)


def normalise_address(address: str) -> str:
    """The address in the one spelling that `parse_packet` uses. Raises OSError for a text that is none."""
    return unpack_address(pack_address(address))


@dataclass(frozen=True, slots=True, kw_only=True)
class IpHeader:
    """The network header of a packet to be built; `ip_id` and `df` exist in IPv4 alone."""

    src: str
    dst: str
    ttl: int = 64
    ip_id: int = 0
    df: bool = False


def build_ip(header: IpHeader, proto: int, payload: bytes) -> bytes:
    """A packet with this payload as it is."""
    src, dst = pack_address(header.src), pack_address(header.dst)
    if len(src) == 16:
        return struct.pack("!IHBB", 6 << 28, len(payload), proto, header.ttl) + src + dst + payload
    fragment = _DF if header.df else 0
    start = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), header.ip_id, fragment, header.ttl, proto, 0)
    sum_ = checksum(start + src + dst)
    return start[:10] + sum_.to_bytes(2) + src + dst + payload


def _pseudo(header: IpHeader, proto: int, length: int) -> bytes:
    """What TCP, UDP and ICMPv6 add to their sums; the layouts of both families sum to the same."""
    return pack_address(header.src) + pack_address(header.dst) + struct.pack("!II", length, proto)


def build_tcp(
    header: IpHeader,
    *,
    sport: int,
    dport: int,
    flags: int,
    seq: int = 0,
    ack: int = 0,
    window: int = 0,
    options: bytes = b"",
    payload: bytes = b"",
) -> bytes:
    """A TCP segment; `options` must fill whole 32-bit words."""
    high = (20 + len(options)) // 4 << 4
    start = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, high, flags, window, 0, 0)
    segment = start + options + payload
    sum_ = checksum(_pseudo(header, TCP, len(segment)) + segment)
    return build_ip(header, TCP, segment[:16] + sum_.to_bytes(2) + segment[18:])


def build_udp(header: IpHeader, *, sport: int, dport: int, payload: bytes = b"") -> bytes:
    """A UDP datagram; its checksum is never zero, which would mean none."""
    length = 8 + len(payload)
    start = struct.pack("!HHH", sport, dport, length)
    sum_ = checksum(_pseudo(header, UDP, length) + start + b"\0\0" + payload) or _MOD
    return build_ip(header, UDP, start + sum_.to_bytes(2) + payload)


def build_icmp(header: IpHeader, *, kind: int, code: int, rest: bytes = b"\0\0\0\0", payload: bytes = b"") -> bytes:
    """An ICMP or, between IPv6 addresses, ICMPv6 message; `rest` is the second half of its header."""
    proto = ICMP6 if ":" in header.src else ICMP
    message = bytes((kind, code, 0, 0)) + rest + payload
    pseudo = _pseudo(header, proto, len(message)) if proto == ICMP6 else b""
    sum_ = checksum(pseudo + message)
    return build_ip(header, proto, message[:2] + sum_.to_bytes(2) + message[4:])
