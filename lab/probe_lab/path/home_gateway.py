"""What the client's own gateway answers itself: echo requests, whatever becomes of the network beyond it."""

from __future__ import annotations

from probe_lab.wire.packet import ICMP, ICMP6, IpHeader, build_icmp, parse_packet

_REQUESTS = {ICMP: (8, 0), ICMP6: (128, 129)}
"""Types of an echo request and its reply (RFC 792, RFC 4443 4)."""


def echo_reply(raw: bytes) -> bytes | None:
    """The reply of the host that an echo request is for; None for any other packet."""
    packet = parse_packet(raw)
    if packet is None or packet.proto not in _REQUESTS:
        return None
    request, reply = _REQUESTS[packet.proto]
    if packet.icmp_type != request:
        return None
    header = IpHeader(src=packet.dst, dst=packet.src)
    rest = raw[packet.offset + 4 : packet.offset + 8]
    return build_icmp(header, kind=reply, code=0, rest=rest, payload=packet.payload)
