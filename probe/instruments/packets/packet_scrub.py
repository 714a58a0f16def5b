"""Takes the volunteer out of captured packets: address, ports and whatever repeats them.

Our address becomes 192.0.2.1 or 2001:db8::1, also in the packets that ICMP errors quote, the routers that send these
192.0.2.2 or 2001:db8::2 (the next one may have an address of the household's own network), our ports become numbers in
their order of appearance, and our address in a payload (as bytes or as text) is struck out, as is every public address
that an answer in the clear spells out: it may be the one that the other side sees us by. Of a checksum only its
validity is kept, for its value would tell our address from the rest: a wrong one stays wrong, one over bytes that
were cut away becomes zero.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from probe.instruments.packets.packet_headers import ICMP, ICMP6, TCP, UDP, PacketHeaders, read_headers

STAND_IN = {4: IPv4Address("192.0.2.1").packed, 6: IPv6Address("2001:db8::1").packed}
_ROUTER = {4: IPv4Address("192.0.2.2").packed, 6: IPv6Address("2001:db8::2").packed}
_SUBNET = re.compile(rb"(\0\x08\0[\x05-\x14]\0[\1\2]..)(.{1,16})", re.DOTALL)
"""A client's subnet in a DNS message (RFC 7871 section 6). We never tell one, but whoever forwards for us may."""
_DNS = 53
_FIRST_PORT = 49_152
_TEXT_ADDRESS = re.compile(rb"(?<![0-9A-Za-z.:])(?:\d{1,3}(?:[.-]\d{1,3}){3}|[0-9A-Fa-f:]{6,39})(?![0-9A-Za-z:])")
_CUT_OFF = re.compile(rb"[0-9A-Fa-f.:-]+\Z")
"""What may be the beginning of an address where a packet was cut."""
_CHECKSUM_AT = {TCP: 16, UDP: 6, ICMP: 2, ICMP6: 2}


class PacketScrubber:
    """Scrubs the packets of one run; `ours` are the volunteer's addresses in network order."""

    def __init__(self, ours: Iterable[bytes]) -> None:
        self._ours = frozenset(ours)
        self._ports: dict[tuple[int, int], int] = {}
        self._texts = tuple(text for address in self._ours for text in _spellings(address))

    def scrub(self, data: bytes, *, outbound: bool) -> bytes | None:
        """The packet without anything of ours; None for one that cannot be read and therefore not be cleaned."""
        found = read_headers(data)
        if found is None:
            return None
        valid = _is_valid(data, found)
        made = bytearray(data)
        self._addresses(made, found)
        if found.protocol in (TCP, UDP):
            self._port(made, found.protocol, found.start + (0 if outbound else 2))
        elif not self._quote(made, found):
            return None
        self._payload(made, found, outbound=outbound)
        if found.family == 6 and outbound:
            made[1:4] = bytes((made[1] & 0xF0, 0, 0))  # the flow label is a hash of both addresses and ports
        _seal(made, found, valid=valid or outbound)
        return bytes(made)

    def _addresses(self, made: bytearray, found: PacketHeaders) -> None:
        size = len(found.source)
        first = 12 if found.family == 4 else 8
        for at in (first, first + size):
            if bytes(made[at : at + size]) in self._ours:
                made[at : at + size] = STAND_IN[found.family]

    def _port(self, made: bytearray, protocol: int, at: int) -> None:
        real = int.from_bytes(made[at : at + 2])
        substitute = self._ports.setdefault((protocol, real), _FIRST_PORT + len(self._ports) % (65_536 - _FIRST_PORT))
        made[at : at + 2] = substitute.to_bytes(2)

    def _quote(self, made: bytearray, found: PacketHeaders) -> bool:
        """The packet within an ICMP error; it was ours. The error's own sender is left only if it is whom that was
        for."""
        at = found.payload
        quote = read_headers(bytes(made[at:]), quoted=True)
        if quote is None:
            return False
        if found.source != quote.destination:
            first = 12 if found.family == 4 else 8
            made[first : first + len(found.source)] = _ROUTER[found.family]
        inner = made[at:]
        self._addresses(inner, quote)
        self._port(inner, quote.protocol, quote.start)
        if quote.family == 6:
            inner[1:4] = bytes((inner[1] & 0xF0, 0, 0))
        _ip_checksum(inner, quote)
        where = quote.start + _CHECKSUM_AT[quote.protocol]
        if len(inner) >= where + 2:
            inner[where : where + 2] = bytes(2)
        made[at:] = inner
        return True

    def _payload(self, made: bytearray, found: PacketHeaders, *, outbound: bool) -> None:
        """Everything behind the fixed IP header: options and payload may repeat an address."""
        start = 20 if found.family == 4 else 40
        rest = bytes(made[start:])
        for address in self._ours:
            rest = rest.replace(address, STAND_IN[6 if len(address) == 16 else 4])
        for text in self._texts:
            rest = re.sub(re.escape(text), lambda match: b"x" * len(match[0]), rest, flags=re.IGNORECASE)
        if not outbound and found.protocol == TCP:
            rest = _TEXT_ADDRESS.sub(lambda match: _strike_address(match[0], found.source), rest)
            if not _whole(made, found):
                rest = _CUT_OFF.sub(lambda match: b"x" * len(match[0]), rest)
        if found.protocol == UDP and _DNS in (found.sport, found.dport):
            rest = _SUBNET.sub(lambda match: match[1] + bytes(len(match[2])), rest)
        made[start:] = rest


def _spellings(address: bytes) -> tuple[bytes, ...]:
    found = ip_address(address)
    return tuple({str(found).encode(), found.exploded.encode()})


def _strike_address(text: bytes, peer: bytes) -> bytes:
    try:
        address = ip_address(text.decode().replace("-", "."))
    except ValueError:
        return text
    return b"x" * len(text) if address.is_global and address.packed != peer else text


def _sum(data: bytes, start: int = 0) -> int:
    """The Internet checksum (RFC 1071) before its complement."""
    padded = data + bytes(len(data) % 2)
    total = start + sum(int.from_bytes(padded[at : at + 2]) for at in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def _whole(data: bytes | bytearray, found: PacketHeaders) -> bool:
    total = int.from_bytes(data[2:4]) if found.family == 4 else 40 + int.from_bytes(data[4:6])
    return len(data) == total


def _pseudo(data: bytes | bytearray, found: PacketHeaders) -> int:
    """The sum of the pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1); ICMP for IPv4 has none."""
    if found.protocol == ICMP:
        return 0
    addresses = bytes(data[12:20] if found.family == 4 else data[8:40])
    return _sum(addresses, found.protocol + len(data) - found.start)


def _is_valid(data: bytes, found: PacketHeaders) -> bool:
    """Whether the checksums are right, as far as that can be known."""
    if found.family == 4 and _sum(data[: found.start]) != 0xFFFF:
        return False
    at = found.start + _CHECKSUM_AT[found.protocol]
    if not _whole(data, found) or (found.protocol == UDP and data[at : at + 2] == b"\0\0"):
        return True
    return _sum(data[found.start :], _pseudo(data, found)) == 0xFFFF


def _ip_checksum(made: bytearray, found: PacketHeaders) -> None:
    if found.family == 4:
        made[10:12] = bytes(2)
        made[10:12] = (~_sum(bytes(made[: found.start])) & 0xFFFF).to_bytes(2)


def _seal(made: bytearray, found: PacketHeaders, *, valid: bool) -> None:
    """Checksums for what the packet is now: right, wrong where it was wrong, zero where bytes are missing."""
    _ip_checksum(made, found)
    at = found.start + _CHECKSUM_AT[found.protocol]
    none = found.protocol == UDP and bytes(made[at : at + 2]) == b"\0\0"
    made[at : at + 2] = bytes(2)
    if none or not _whole(made, found):
        return
    right = ~_sum(bytes(made[found.start :]), _pseudo(made, found)) & 0xFFFF
    made[at : at + 2] = (right if valid else right ^ 0xFFFF).to_bytes(2)
