"""Several hosts behind one leg of the router."""

from __future__ import annotations

import ipaddress
import select
from collections.abc import Mapping, Sequence

from probe_lab.lab_types import WireEnd


def destination(packet: bytes) -> bytes:
    """The packed destination address of an IPv4 or IPv6 packet."""
    return packet[16:20] if packet[0] >> 4 == 4 else packet[24:40]


class CompositeLeg:
    """A leg with one wire per host, chosen by destination address; what no host owns is dropped."""

    def __init__(self, hosts: Sequence[tuple[tuple[str, ...], WireEnd]]) -> None:
        """Join wires, each given with the addresses of the host behind it."""
        self._legs = tuple(leg for _, leg in hosts)
        self._by_address: Mapping[bytes, WireEnd] = {
            ipaddress.ip_address(address).packed: leg for addresses, leg in hosts for address in addresses
        }
        self._epoll = select.epoll()
        for leg in self._legs:
            self._epoll.register(leg.fileno(), select.EPOLLIN)
        self._next = 0

    def fileno(self) -> int:
        """The descriptor to poll for reading: an epoll instance is readable when a wire is."""
        return self._epoll.fileno()

    def read(self) -> bytes | None:
        """The next packet of any wire, taken in turn, or None when there is none now."""
        for _ in self._legs:
            leg = self._legs[self._next]
            self._next = (self._next + 1) % len(self._legs)
            packet = leg.read()
            if packet is not None:
                return packet
        return None

    def write(self, packet: bytes) -> None:
        """Deliver a packet to the host that owns its destination."""
        leg = self._by_address.get(destination(packet)) if packet else None
        if leg is not None:
            leg.write(packet)
