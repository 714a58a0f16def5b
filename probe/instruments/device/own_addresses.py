"""This device's own addresses, to keep what is near them out of everything that is stored. They never leave memory."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import suppress

_ANYWHERE = ("192.0.2.1", "2001:db8::1")


def find_source_address(to: str) -> str:
    """The address with which packets to another would leave; empty where there is no route. Nothing is sent: a
    connected UDP socket only consults the routing table."""
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((to, 9))
        return str(sock.getsockname()[0]).partition("%")[0]
    return ""


def list_own_addresses(towards: Iterable[str] = (), *, anywhere: Iterable[str] = _ANYWHERE) -> tuple[str, ...]:
    """Addresses with which packets to anywhere, and to these, would leave. Nothing is sent."""
    return tuple(dict.fromkeys(filter(None, map(find_source_address, (*anywhere, *towards)))))
