"""How many connections a helper holds, decided when one is accepted: before TLS, which makes each of them costly.

Where everybody's places are taken, a newcomer takes that of the connection which has said nothing for longest in the
network that holds most, if that is more than his own network holds: whoever fills a helper loses first.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from probe_operate.helper.helper_clients import ClientShares, ShareLimits, find_client_groups
from probe_operate.helper.rate_limiter import RateLimiter

MAX_CONNECTIONS = 1024
MAX_CONNECTIONS_CLIENT = 64
MAX_CONNECTIONS_NETWORK = 128
"""Connections at once: of everybody, of a client, of its network. A run asks for much at once."""
ACCEPTED_BURST = 128
ACCEPTED_PER_S = 4.0
"""Connections that one client may open: several for each request that it may send."""
REFUSED_AT_ONCE = 64
"""So many are refused before the server looks at its other work again."""
_RESET_AT_ONCE = struct.pack("ii", 1, 0)

Peer = tuple[str, int]


def make_connection_limits(clock: Callable[[], float], *, limited: bool) -> ConnectionLimits:
    """The limits of a helper that faces its clients itself; where it is not `limited`, only all together are."""
    alone, network = (MAX_CONNECTIONS_CLIENT, MAX_CONNECTIONS_NETWORK) if limited else (MAX_CONNECTIONS,) * 2
    return ConnectionLimits(
        shares=ClientShares(ShareLimits(alone=alone, network=network, everybody=MAX_CONNECTIONS)),
        rate=RateLimiter(clock=clock, per_s=ACCEPTED_PER_S, burst=ACCEPTED_BURST) if limited else None)


@dataclass(slots=True, kw_only=True)
class ConnectionLimits:
    """Who holds which connection. Used by the server's one thread alone."""

    shares: ClientShares
    rate: RateLimiter | None
    count_refused: Callable[[], None] = lambda: None
    _silent: dict[Peer, HeldSocket] = field(default_factory=dict)
    """Connections on which no whole request has come, the oldest first."""
    _networks: Counter[str] = field(default_factory=Counter)
    """How many of these each network has."""

    def admit(self, sock: HeldSocket) -> bool:
        """Take a place for a connection, if need be another's; False where there is none for it."""
        client = sock.peer[0]
        may_come = self.rate is None or self.rate.allows(client)
        admitted = may_come and (self.shares.enter(client) or (
            self._make_room(client) and self.shares.enter(client)))
        if not admitted:
            self.count_refused()
            return False
        self._silent[sock.peer] = sock
        self._networks[find_client_groups(client).network] += 1
        return True

    def hear(self, peer: Peer) -> None:
        """A request has come on this connection: it may finish."""
        if self._silent.pop(peer, None) is not None:
            network = find_client_groups(peer[0]).network
            self._networks[network] -= 1
            if not self._networks[network]:
                del self._networks[network]

    def leave(self, peer: Peer) -> None:
        """The connection has ended."""
        self.hear(peer)
        self.shares.leave(peer[0])

    def _make_room(self, client: str) -> bool:
        """End the oldest silent connection of the network that has most of them; False where the client's own has."""
        own = find_client_groups(client).network
        fullest, most = next(iter(self._networks.most_common(1)), (own, 0))
        if most <= self._networks.get(own, 0) + 1:
            return False
        victim = next(sock for peer, sock in self._silent.items() if find_client_groups(peer[0]).network == fullest)
        self.count_refused()
        victim.give_up()
        return True


class HeldSocket(socket.socket):
    """A client's connection, whose place is free as soon as it is closed or given up."""

    limits: ConnectionLimits | None = None
    peer: Peer = ("", 0)

    def give_up(self) -> None:
        """Free the place now; the server, which reads the end of the connection, closes it."""
        self._leave()
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close, and free the place."""
        self._leave()
        super().close()

    def _leave(self) -> None:
        limits, self.limits = self.limits, None
        if limits is not None:
            limits.leave(self.peer)


class LimitedListener(socket.socket):
    """A listening socket that hands out only those connections for which there is a place."""

    limits: ConnectionLimits

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection that has a place; those before it that have none are reset. Raises as `accept` does."""
        for _ in range(REFUSED_AT_ONCE):
            found, address = super().accept()
            sock = HeldSocket(found.family, found.type, found.proto, fileno=found.detach())
            sock.peer = (str(address[0]), int(address[1]))
            if self.limits.admit(sock):
                sock.limits = self.limits
                return sock, address
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
            sock.close()
        raise BlockingIOError


def limit_listener(listener: socket.socket, limits: ConnectionLimits) -> LimitedListener:
    """The same listening socket under limits, by a descriptor of its own."""
    limited = LimitedListener(listener.family, listener.type, listener.proto, fileno=listener.dup().detach())
    limited.limits = limits
    return limited
