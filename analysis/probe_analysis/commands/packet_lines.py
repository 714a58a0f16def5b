"""Captured packets as lines that a person reads, dissected by scapy (extra `packets`)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from probe.core import pcapng
from probe.core.visible_text import visible

if TYPE_CHECKING:  # takes longer to import than the command does
    from scapy.packet import Packet

MAX_SHOWN = 10_000
_MAX_BYTES = 256
_MAX_LINE = 300
_HOMES = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME")
"""Where scapy would make folders of its own; a place that is no folder keeps it from that."""


def describe_packets(blocks: Iterable[tuple[str, bytes]]) -> Iterator[str]:
    """One line for each packet block: its observation, seconds since the first packet, and what it is.

    Raises ImportError where scapy is not installed; nothing in a packet raises.
    """
    by_version = _dissectors()
    first_ns = None
    packets = (one for one in blocks if one[1][:1] == bytes([pcapng.PACKET]))
    for _, (comment, block) in zip(range(MAX_SHOWN), packets, strict=False):
        if len(block) < 8 + pcapng.PACKET_HEAD.size:
            continue
        _, high, low, kept, _ = pcapng.PACKET_HEAD.unpack_from(block, 8)
        time_ns = high << 32 | low
        first_ns = time_ns if first_ns is None else first_ns
        begin = 8 + pcapng.PACKET_HEAD.size
        data = block[begin : begin + min(kept, _MAX_BYTES)]
        yield visible(f"{comment} {(time_ns - first_ns) / 1e9:.6f} {_summary(data, by_version)}"[:_MAX_LINE])


def _dissectors() -> dict[int, type[Packet]]:
    """IP version -> scapy's layer."""
    before = {name: os.environ.get(name) for name in _HOMES}
    os.environ.update(dict.fromkeys(_HOMES, os.devnull))
    try:
        from scapy.layers.inet import IP
        from scapy.layers.inet6 import IPv6
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return {4: IP, 6: IPv6}


def _summary(data: bytes, by_version: dict[int, type[Packet]]) -> str:
    layer = by_version.get(data[0] >> 4) if data else None
    if layer is None:
        return "no IP packet"
    try:
        return str(layer(data).summary())
    except Exception as error:  # a dissector that stumbles over what a stranger sent
        return f"not understood ({type(error).__name__})"
