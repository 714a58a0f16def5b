"""Which packets of a flow are kept: those that a judgement may rest on."""

from __future__ import annotations

from collections.abc import Iterable

from probe.core.packets import Packet

MAX_PACKETS = 16
"""So many a flow are kept."""


def select_decisive(packets: Iterable[Packet]) -> tuple[Packet, ...]:
    """At most `MAX_PACKETS` on which a judgement may rest: the handshake, the first data of each side, what ended
    the flow, and what came after that."""
    kept: list[Packet] = []
    room = {"out S": 3, "in SA": 2, "out data": 3, "in data": 2, "in ack": 2, "in end": 8, "out end": 1, "after": 3,
            "in icmp": 2, "in udp": 6, "out udp": 2}
    ended = False
    for packet in packets:
        kind = _kind(packet)
        if ended and kind in ("in data", "in ack"):
            kind = "after"
        ended = ended or kind == "in end"
        if room.get(kind, 0):
            room[kind] -= 1
            kept.append(packet)
    return tuple(kept[:MAX_PACKETS])


def _kind(packet: Packet) -> str:
    way = "in" if packet.inbound else "out"
    if not packet.flags.isupper():
        return f"{way} {packet.flags.split(' ')[0]}"
    if "S" in packet.flags:
        return f"{way} {'SA' if 'A' in packet.flags else 'S'}"
    if "R" in packet.flags or "F" in packet.flags:
        return f"{way} end"
    return f"{way} data" if packet.length else f"{way} ack"
