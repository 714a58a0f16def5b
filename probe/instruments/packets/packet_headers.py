"""Reading the headers of a captured packet: nothing that a sender puts there raises, and nothing is believed.

Only what a judgement needs is read: addresses and ports (to find the flow), TTL, IP ID, DF, TCP's numbers, ICMP's kind.
A packet may be cut behind `SNAP_BYTES`; its length is the one that its IP header tells.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
_LETTERS = ((SYN, "S"), (ACK, "A"), (FIN, "F"), (RST, "R"), (PSH, "P"), (32, "U"), (64, "E"), (128, "C"), (256, "N"))


class PacketHeaders(NamedTuple):
    """The headers of one packet. Addresses are in network order, and never leave the measurement. (A tuple is made in a
    quarter of the time that a frozen dataclass takes, and one is made for each packet.)"""

    family: int
    protocol: int
    source: bytes
    destination: bytes
    ttl: int
    start: int
    """Where the header above IP begins."""
    ip_id: int = -1
    df: int = -1
    sport: int = 0
    dport: int = 0
    seq: int = 0
    ack: int = 0
    flags: int = 0
    window: int = 0
    length: int = 0
    """Bytes above TCP or UDP."""
    payload: int = 0
    """Where these begin."""
    kind: int = 0
    code: int = 0
    """Of ICMP; the packet that it quotes begins eight bytes after `start`."""


def read_headers(data: bytes, *, quoted: bool = False) -> PacketHeaders | None:
    """The headers of an IP packet; None where it is none that we read. `quoted`: within an ICMP error, where eight
    bytes above IP may be all there is."""
    if not data:
        return None
    version = data[0] >> 4
    if version == 4 and len(data) >= 20:
        start, whole = 4 * (data[0] & 15), int.from_bytes(data[2:4])
        fragment = int.from_bytes(data[6:8])
        if start < 20 or fragment & 0x1FFF or whole < start:
            return None
        base = PacketHeaders(family=4, protocol=data[9], source=data[12:16], destination=data[16:20], ttl=data[8],
                             ip_id=int.from_bytes(data[4:6]), df=fragment >> 14 & 1, start=start)
    elif version == 6 and len(data) >= 40:
        start, whole = 40, 40 + int.from_bytes(data[4:6])
        base = PacketHeaders(family=6, protocol=data[6], source=data[8:24], destination=data[24:40], ttl=data[7],
                             start=40)
    else:
        return None
    return _above(base, data, whole, quoted=quoted)


def _above(base: PacketHeaders, data: bytes, whole: int, *, quoted: bool) -> PacketHeaders | None:
    at, protocol = base.start, base.protocol
    if len(data) < at + 8:
        return None
    if protocol == UDP:
        return _with(base, ports=data, at=at, length=max(0, whole - at - 8), payload=at + 8)
    if protocol == TCP and quoted:
        return _with(base, ports=data, at=at, length=0, payload=at + 8)
    if protocol == TCP and len(data) >= at + 20:
        size = 4 * (data[at + 12] >> 4)
        if size < 20:
            return None
        return _with(base, ports=data, at=at, length=max(0, whole - at - size), payload=at + size)
    if (protocol, base.family) in ((ICMP, 4), (ICMP6, 6)) and not quoted:
        return base._replace(kind=data[at], code=data[at + 1], payload=at + 8, length=max(0, whole - at - 8))
    return None


def _with(base: PacketHeaders, *, ports: bytes, at: int, length: int, payload: int) -> PacketHeaders:
    sport, dport = struct.unpack_from(">HH", ports, at)
    seq = ack = flags = window = 0
    if base.protocol == TCP and len(ports) >= at + 20:
        seq, ack, flags, window = struct.unpack_from(">IIHH", ports, at + 4)
    return base._replace(sport=sport, dport=dport, seq=seq, ack=ack, flags=flags & 0x1FF, window=window, length=length,
                         payload=payload)


def format_flags(flags: int) -> str:
    """TCP flags as letters, SYN first; `.` where there are none."""
    return "".join(letter for bit, letter in _LETTERS if flags & bit) or "."
