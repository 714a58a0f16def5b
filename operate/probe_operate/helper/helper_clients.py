"""Who asks a helper, as far as it must be known: an address for the length of a request, in memory alone.

A client is counted three times: alone (an IPv4 address, or the /64 of an IPv6 one, which anybody owns whole), with its
network (/24, /48), which one owner may fill, and with everybody.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from probe.core.addresses import parse_address

FORWARDED = "x-real-ip"
"""The header in which a server in front says who asks."""
EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientGroups:
    """What one client is counted by; texts that are no address stand for themselves."""

    alone: str
    network: str


@lru_cache(maxsize=1024)  # of one request it is asked several times
def find_client_groups(client: str) -> ClientGroups:
    """The groups of a client; an IPv4 address inside an IPv6 one is itself."""
    address = parse_address(client)
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if address is None:
        return ClientGroups(alone=client, network=client)
    alone, network = (32, 24) if address.version == 4 else (64, 48)
    return ClientGroups(alone=str(ipaddress.ip_network((address, alone), strict=False)),
                        network=str(ipaddress.ip_network((address, network), strict=False)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareLimits:
    """How much may be held at once by one client, by its network, and by everybody."""

    alone: int
    network: int
    everybody: int


class ClientShares:
    """How much each client and each network holds at once. The table is no larger than what is held; thread-safe."""

    def __init__(self, limits: ShareLimits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()

    def enter(self, client: str) -> bool:
        """Take one place; False, and nothing taken, where a limit is reached."""
        keys, limits = _list_keys(client), (self._limits.alone, self._limits.network, self._limits.everybody)
        with self._lock:
            if any(self._held[key] >= most for key, most in zip(keys, limits, strict=True)):
                return False
            self._held.update(keys)
        return True

    def leave(self, client: str) -> None:
        """Give a place back that `enter` took."""
        with self._lock:
            for key in _list_keys(client):
                self._held[key] -= 1
                if self._held[key] <= 0:
                    del self._held[key]

    def __len__(self) -> int:
        return len(self._held)


def _list_keys(client: str) -> tuple[str, str, str]:
    """What a client's places are counted by: alone, with its network, with everybody."""
    groups = find_client_groups(client)
    return groups.alone, f"net {groups.network}", EVERYBODY


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
