"""How far the client has come: rules may begin and end by the number of its connections instead of by the clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

MAX_COUNTED = 65_536


class Moment(NamedTuple):
    """When a packet comes by."""

    clock_s: float
    """Since the router started."""
    connections: int = 0
    """TCP connections that the client has opened so far, this one counted."""
    servers: int = 0
    """Different addresses that they led to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpan:
    """A part of the client's way, from one number of connections or of servers to another; 0: no bound."""

    from_connections: int = 0
    until_connections: int = 0
    from_servers: int = 0
    until_servers: int = 0

    def __contains__(self, moment: Moment) -> bool:
        return (self.from_connections <= moment.connections and self.from_servers <= moment.servers
                and not 0 < self.until_connections <= moment.connections
                and not 0 < self.until_servers <= moment.servers)

    @property
    def is_never(self) -> bool:
        """Whether no moment is part of it."""
        return any(0 < end <= begin for begin, end in ((self.from_connections, self.until_connections),
                                                       (self.from_servers, self.until_servers)))


class Progress:
    """What one box has counted."""

    def __init__(self) -> None:
        self._connections = 0
        self._servers: set[str] = set()

    def count(self, server: str) -> None:
        """The client has opened a connection to this address."""
        self._connections += 1
        if len(self._servers) < MAX_COUNTED:
            self._servers.add(server)

    def at(self, clock_s: float) -> Moment:
        """The present moment."""
        return Moment(clock_s, self._connections, len(self._servers))
