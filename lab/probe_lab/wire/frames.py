"""Ethernet framing on the laboratory's wires: every host sees an ordinary Ethernet card with one neighbour.

TAP and veth devices speak the same frames, so a program that captures packets sees the same thing on both.
Addresses are fixed; nothing asks for them (neither ARP nor neighbour discovery runs).
"""

from __future__ import annotations

import os

HOST_MAC = "02:5e:1d:c7:93:a2"
ROUTER_MAC = "02:5e:1d:c7:93:a1"
"""Drawn once: six bytes that no table of small numbers holds by chance, so that a search for them finds leaks alone."""
INTERFACE = "eth0"
"""Name of the network card inside each namespace."""

_HEADER_BYTES = 14
_IPV4 = b"\x08\x00"
_IPV6 = b"\x86\xdd"
_ADDRESSES = bytes.fromhex((HOST_MAC + ROUTER_MAC).replace(":", ""))
_TO_HOST = {4: _ADDRESSES + _IPV4, 6: _ADDRESSES + _IPV6}


def strip_frame(ethernet_frame: bytes) -> bytes | None:
    """The IP packet of a frame; None for what no router forwards: other protocols, broadcast, multicast."""
    if len(ethernet_frame) <= _HEADER_BYTES or ethernet_frame[0] & 1 or ethernet_frame[12:14] not in (_IPV4, _IPV6):
        return None
    return ethernet_frame[_HEADER_BYTES:]


def send_framed(fd: int, packet: bytes) -> None:
    """Put one IP packet on the wire towards the host; one that the device will not take is lost, as on any wire."""
    header = _TO_HOST.get(packet[0] >> 4 if packet else 0)
    if header is None:
        return
    try:
        os.writev(fd, (header, packet))
    except OSError:  # queue full, too long for the link, or the host is going down
        return
