"""The text forms of values within a cell: how each is written and read.

What cannot be read, in files of others, raises nothing: it counts as if it were not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from probe.core.packets import Packet

_PACKET_FIELDS = 10
_MAX_DIGITS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the values of a column of texts are written and read."""

    write: Callable[[Any], tuple[str, ...]]
    read: Callable[[tuple[str, ...]], Any]


def packet_text(packet: Packet) -> str:
    """`delay_ms|in or out|IP TTL|IP ID|DF|flags|seq|ack|window|length`."""
    way = "in" if packet.inbound else "out"
    return (f"{packet.at_ms:.2f}|{way}|{packet.ttl}|{packet.ip_id}|{packet.df}|{packet.flags}|{packet.seq}|"
            f"{packet.ack}|{packet.window}|{packet.length}")


def read_packet(text: str) -> Packet | None:
    """The packet that a text describes; None where it cannot be read."""
    parts = text.split("|")
    if len(parts) != _PACKET_FIELDS or parts[1] not in ("in", "out"):
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


def read_numbers(texts: Iterable[str]) -> tuple[int, ...]:
    """Those numbers that are written in decimal digits alone, in their order."""
    return tuple(int(text) for text in texts if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS)


FORMS: Mapping[str, Form] = {
    "packets": Form(write=lambda packets: tuple(map(packet_text, packets)), read=read_packets),
    "bins": Form(write=lambda numbers: tuple(map(str, numbers)), read=read_numbers),
}
"""Column -> form, of the columns whose texts are values of their own kind in memory."""
