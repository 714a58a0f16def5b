"""The text form of one packet in `Observation.packets`, and its reading: header fields, no address and no client port.

`delay_ms|direction|IP TTL|IP ID|DF|flags|seq|ack|window|length`: times since the first packet of the flow, sequence
numbers from each side's own first, -1 where a field does not exist (IP ID and DF of IPv6). `flags` is letters of TCP's
(SAFRPUEC), `udp`, or `icmp type/code peer` (`other` where not the address itself but somebody on the way sent it).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MAX_PACKETS = 16
"""So many a flow are written: those that a judgement may rest on."""
_FIELDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One packet of a flow, as far as it is judged."""

    at_ms: float
    inbound: bool
    ttl: int
    ip_id: int = -1
    df: int = -1
    flags: str
    seq: int = 0
    ack: int = 0
    window: int = 0
    length: int = 0
    """Bytes above TCP or UDP."""

    def has(self, *letters: str) -> bool:
        """Whether the packet is TCP's and carries all of these flags."""
        return self.flags.isupper() and all(letter in self.flags for letter in letters)


def packet_text(packet: Packet) -> str:
    """The packet as it is stored."""
    way = "in" if packet.inbound else "out"
    return (f"{packet.at_ms:.2f}|{way}|{packet.ttl}|{packet.ip_id}|{packet.df}|{packet.flags}|{packet.seq}|"
            f"{packet.ack}|{packet.window}|{packet.length}")


def read_packet(text: str) -> Packet | None:
    """The packet that a text describes; None where it cannot be read."""
    parts = text.split("|")
    if len(parts) != _FIELDS or parts[1] not in ("in", "out"):
        return None
    try:
        at_ms = float(parts[0])
        ttl, ip_id, df = map(int, parts[2:5])
        seq, ack, window, length = map(int, parts[6:])
    except ValueError:
        return None
    return Packet(at_ms=at_ms, inbound=parts[1] == "in", ttl=ttl, ip_id=ip_id, df=df, flags=parts[5], seq=seq, ack=ack,
                  window=window, length=length)


def read_packets(texts: Iterable[str]) -> tuple[Packet, ...]:
    """Those packets that can be read, in their order."""
    return tuple(packet for text in texts if (packet := read_packet(text)) is not None)


def decisive(packets: Iterable[Packet]) -> tuple[Packet, ...]:
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
