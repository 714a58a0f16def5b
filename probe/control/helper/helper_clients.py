"""Who asks a helper, as far as it must be known: an address for the length of a request, in memory alone."""

from __future__ import annotations

import ipaddress
import threading
from collections import Counter

from probe.control.reaching.target_guard import find_client_network
from probe.core.addresses import parse_address

FORWARDED = "x-real-ip"
"""The header in which a server in front says who asks."""


class ClientShares:
    """How much each client network holds at once. The table is no larger than what is held; thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()

    def enter(self, client: str) -> bool:
        """Take one place; False, and nothing taken, when the client's network holds `most`."""
        network = find_client_network(client)
        with self._lock:
            if self._held[network] >= self._most:
                return False
            self._held[network] += 1
        return True

    def leave(self, client: str) -> None:
        """Give a place back that `enter` took."""
        network = find_client_network(client)
        with self._lock:
            self._held[network] -= 1
            if self._held[network] <= 0:
                del self._held[network]

    def __len__(self) -> int:
        return len(self._held)


def find_client(peer: str, forwarded: str, *, behind_proxy: bool) -> str:
    """Who asks: the peer, or whom a server in front names. Only one on this very machine is believed."""
    if not behind_proxy or not _is_here(peer):
        return peer
    return str(literal) if (literal := parse_address(forwarded.strip())) else peer


def _is_here(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False
