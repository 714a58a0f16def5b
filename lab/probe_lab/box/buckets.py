"""Token buckets: how fast packets may pass, and how long those wait that may not pass yet. Bounded in every way."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

MAX_BUCKETS = 4096
MAX_QUEUED_BYTES = 16 << 20
"""In all queues together."""
MAX_QUEUED_PACKETS = 20_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    """Bytes that may pass now; negative: bytes that are waiting."""
    filled_s: float


class Buckets:
    """The buckets of one box; the one longest unused makes room, and is full again if it comes back."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()
        self._queued: list[tuple[float, int]] = []
        """When a packet leaves its queue, and its size: a heap."""
        self._queued_bytes = 0

    def wait_s(
        self, whose: Hashable, size: int, *, bytes_per_s: float, capacity: int, longest_s: float, now_s: float
    ) -> float | None:
        """How long a packet waits; None when it vanishes because it would wait longer than `longest_s`."""
        bucket = self._filled(whose, bytes_per_s=bytes_per_s, capacity=capacity, now_s=now_s)
        wait_s = max(0.0, (size - bucket.tokens) / bytes_per_s)
        if wait_s > longest_s or (wait_s and not self._has_room(size, now_s)):
            return None
        bucket.tokens -= size
        if wait_s:
            heapq.heappush(self._queued, (now_s + wait_s, size))
            self._queued_bytes += size
        return wait_s

    def _filled(self, whose: Hashable, *, bytes_per_s: float, capacity: int, now_s: float) -> _Bucket:
        bucket = self._buckets.get(whose)
        if bucket is None:
            bucket = self._buckets[whose] = _Bucket(float(capacity), now_s)
            if len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
            return bucket
        self._buckets.move_to_end(whose)
        bucket.tokens = min(float(capacity), bucket.tokens + max(0.0, now_s - bucket.filled_s) * bytes_per_s)
        bucket.filled_s = max(bucket.filled_s, now_s)
        return bucket

    def _has_room(self, size: int, now_s: float) -> bool:
        while self._queued and self._queued[0][0] <= now_s:
            self._queued_bytes -= heapq.heappop(self._queued)[1]
        return self._queued_bytes + size <= MAX_QUEUED_BYTES and len(self._queued) < MAX_QUEUED_PACKETS
