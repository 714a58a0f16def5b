"""How often a client may ask, and how long a network's jobs may wait for silence: token buckets in memory alone."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from probe_operate.helper.helper_clients import find_client_groups

NETWORK_TIMES = 4
"""A network may ask so many times as often as one client of it."""
BYTES_BURST, BYTES_PER_S, BYTES_PER_S_ALL = 24, 0.2, 2.0
"""Bodies of test bytes: a client's at once, as a run takes for three names, what comes back of them each second, and
what everybody gets together, which is 2 Mbit/s."""
SILENCE_S = 320.0
"""What a network's jobs may spend at addresses that stay silent, in seconds of threads, ..."""
SILENCE_PER_S = 4.0
"""... and what comes back of it each second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSize:
    """A bucket that holds `burst` and fills by `per_s` a second."""

    burst: float
    per_s: float


class TokenBuckets:
    """A bucket for each key, full at first; the oldest is forgotten beyond `most` keys. Thread-safe."""

    def __init__(self, size: BucketSize, *, clock: Callable[[], float], most: int) -> None:
        self._size = size
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def holds(self, key: str, amount: float) -> bool:
        """Whether so much is there."""
        with self._lock:
            return self._fill(key) >= amount

    def take(self, key: str, amount: float) -> None:
        """Take so much, whether it is there or not: what is owed must come back first."""
        with self._lock:
            self._buckets[key] = (self._fill(key) - amount, self._clock())

    def _fill(self, key: str) -> float:
        now = self._clock()
        tokens, then = self._buckets.pop(key, (self._size.burst, now))
        tokens = min(self._size.burst, tokens + (now - then) * self._size.per_s)
        self._buckets[key] = (tokens, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return tokens


class RateLimiter:
    """A token bucket per client and one per network, in memory only and forgotten with the oldest; thread-safe."""

    def __init__(
        self, *, clock: Callable[[], float], per_s: float = 1.0, burst: int = 30, max_clients: int = 10_000
    ) -> None:
        self._clients = TokenBuckets(BucketSize(burst=burst, per_s=per_s), clock=clock, most=max_clients)
        self._networks = TokenBuckets(BucketSize(burst=NETWORK_TIMES * burst, per_s=NETWORK_TIMES * per_s),
                                      clock=clock, most=max_clients)

    def allows(self, client: str) -> bool:
        """Take one token of the client's and one of its network's; False, and nothing taken, when one is not left."""
        groups = find_client_groups(client)
        if not (self._clients.holds(groups.alone, 1.0) and self._networks.holds(groups.network, 1.0)):
            return False
        self._clients.take(groups.alone, 1.0)
        self._networks.take(groups.network, 1.0)
        return True


class BytesLimiter:
    """How often test bytes are given: to a client, to its network, and to everybody together; thread-safe."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._apart = RateLimiter(clock=clock, per_s=BYTES_PER_S, burst=BYTES_BURST)
        self._all = TokenBuckets(BucketSize(burst=NETWORK_TIMES * BYTES_BURST, per_s=BYTES_PER_S_ALL), clock=clock,
                                 most=1)

    def allows(self, client: str) -> bool:
        """Take one token of everybody's, where the client and its network have one left as well."""
        if not self._all.holds("", 1.0) or not self._apart.allows(client):
            return False
        self._all.take("", 1.0)
        return True


class SilenceBudget:
    """How long each network may let threads wait at addresses that stay silent."""

    def __init__(self, *, clock: Callable[[], float], burst_s: float = SILENCE_S, per_s: float = SILENCE_PER_S,
                 most: int = 10_000) -> None:
        self._buckets = TokenBuckets(BucketSize(burst=burst_s, per_s=per_s), clock=clock, most=most)

    def is_spent(self, network: str) -> bool:
        """Whether the network has to wait; never for one without a name, whom nothing limits."""
        return bool(network) and not self._buckets.holds(network, 0.0)

    def spend(self, network: str, seconds: float) -> None:
        """A job of the network's found silence for so long."""
        if network:
            self._buckets.take(network, seconds)
