"""A run's connections to the resolvers of others: kept between questions, as RFC 7766 (6.2.1) and RFC 8484 ask of
clients, and few to each operator. Thread-safe."""

from __future__ import annotations

import threading
from collections import Counter

from probe.core.tables.resolvers import DnsEngine
from probe.instruments.streams.kept_streams import KeptStreams, Stream

MOST_CONNECTIONS = 12
"""Of a run to one operator."""
LADDER_VISITS = 2
"""Of those, what the ladder opens to see whether TLS works: one by IPv4, one by IPv6."""
MOST_IN_THE_CLEAR = 4
"""Of those, for questions that may end their connection, since their names can be read on the way."""
AT_ONCE = 4
"""Lookups that may be under way at one operator, each on a connection of its own."""
KEPT_S = 120.0
"""Unused for longer, a connection may be dead on the way without a sign."""
_MOST_ENCRYPTED = MOST_CONNECTIONS - LADDER_VISITS - MOST_IN_THE_CLEAR


class ResolverLines:
    """What is kept, by way and address, and how many connections each operator has seen. Use as a context manager."""

    def __init__(self) -> None:
        self._kept = KeptStreams(most=AT_ONCE, age_s=KEPT_S)
        self._lock = threading.Lock()
        self._opened: Counter[tuple[str, bool]] = Counter()

    def __enter__(self) -> ResolverLines:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()

    def take(self, engine: DnsEngine, address: str, *, deadline: float) -> Stream | None:
        """One that is kept, and is the caller's now; None where there is none."""
        return self._kept.take((engine, address), deadline=deadline)

    def keep(self, engine: DnsEngine, address: str, stream: Stream) -> None:
        """Keep one on which the last answer came whole."""
        self._kept.keep((engine, address), stream)

    def may_open(self, operator: str, engine: DnsEngine) -> bool:
        """Whether one more connection may be opened, which counts then."""
        in_the_clear = engine == "tcp"
        with self._lock:
            self._opened[operator, in_the_clear] += 1
            return self._opened[operator, in_the_clear] <= (MOST_IN_THE_CLEAR if in_the_clear else _MOST_ENCRYPTED)
