"""This device's own addresses, to keep what is near them out of everything that is stored. They never leave memory."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import suppress

_ANYWHERE = ("192.0.2.1", "2001:db8::1")


def own_addresses(towards: Iterable[str] = (), *, anywhere: Iterable[str] = _ANYWHERE) -> tuple[str, ...]:
    """Addresses with which packets to anywhere, and to these, would leave; nothing is sent: a connected UDP socket only
    consults the routing table."""
    found: dict[str, None] = {}
    for place in (*anywhere, *towards):
        family = socket.AF_INET6 if ":" in place else socket.AF_INET
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((place, 9))
            found[str(sock.getsockname()[0]).partition("%")[0]] = None
    return tuple(found)
