"""What a helper refuses, so that nobody can use it as a proxy into other people's networks."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from probe.core.addresses import is_bogon
from probe.measurement.device.own_addresses import find_source_address

PORTS: dict[int, str] = {
    80: "HTTP",
    81: "HTTP, alternative of messengers",
    143: "IMAP",
    443: "HTTPS and messengers beside it",
    465: "SMTP over TLS",
    587: "mail submission",
    853: "DNS over TLS",
    993: "IMAP over TLS",
    995: "POP3 over TLS, Threema",
    2197: "Apple push",
    4222: "OpenDHT",
    4244: "Viber",
    4443: "HTTPS, alternative",
    5222: "XMPP",
    5223: "XMPP over TLS, Apple push",
    5228: "Google push",
    5229: "Google push",
    5230: "Google push",
    5242: "Viber",
    8080: "HTTP, alternative",
    8443: "HTTPS, alternative",
    14000: "WeChat",
}
"""TCP ports that a helper may connect to; there is a messenger behind each."""

UDP_PORTS: dict[int, str] = {
    443: "QUIC",
    3478: "STUN",
    3479: "STUN, Teams",
    3480: "STUN, Teams",
    3481: "STUN, Teams",
    19302: "STUN, Google",
}
"""UDP ports that a helper may send to, by the protocol alone that is meant for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGuard:
    """What may be connected to. `exempt` names `(address, port)` pairs on one's own machine, for tests alone."""

    exempt: frozenset[tuple[str, int]] = frozenset()

    def refusal(self, address: str, port: int, *, proto: str = "tcp") -> str:
        """Why not to connect there: not_public, own_address, port; empty when it may be done. `proto` is tcp, quic or
        stun."""
        if (address, port) in self.exempt:
            return ""
        if is_bogon(address):
            return "not_public"
        if port not in PORTS if proto == "tcp" else not UDP_PORTS.get(port, "").lower().startswith(proto):
            return "port"
        return "own_address" if _is_own(address) else ""


def _is_own(address: str) -> bool:
    """True for an address of this machine: its services may trust what comes from itself."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((address, 0))
    except OSError:
        return False
    return True


def has_route(address: str) -> bool:
    """True when this machine has a route to `address`. Sends nothing."""
    return bool(find_source_address(address))


class RateLimiter:
    """A token bucket per client network, in memory only and forgotten with the oldest; thread-safe."""

    def __init__(
        self, *, clock: Callable[[], float], per_s: float = 1.0, burst: int = 30, max_clients: int = 10_000
    ) -> None:
        self._clock = clock
        self._per_s = per_s
        self._burst = burst
        self._max_clients = max_clients
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, client: str) -> bool:
        """Take one token of the client's; False when none is left."""
        network, now = find_client_network(client), self._clock()
        with self._lock:
            tokens, then = self._buckets.pop(network, (float(self._burst), now))
            tokens = min(float(self._burst), tokens + (now - then) * self._per_s)
            allowed = tokens >= 1.0
            self._buckets[network] = (tokens - 1.0 if allowed else tokens, now)
            if len(self._buckets) > self._max_clients:
                self._buckets.popitem(last=False)
        return allowed


def find_client_network(client: str) -> str:
    """A client is an IPv4 address or the /64 of an IPv6 one: anybody owns a whole /64."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(client)
        if isinstance(address, ipaddress.IPv6Address):
            if address.ipv4_mapped:
                return str(address.ipv4_mapped)
            return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return client
