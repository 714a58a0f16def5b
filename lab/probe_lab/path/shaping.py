"""A link of limited rate with a queue before it: what fits waits its turn, the rest is lost (a FIFO, tail drop)."""

from __future__ import annotations


class Shaper:
    """One direction of a link."""

    def __init__(self, *, rate_bps: float, queue_s: float) -> None:
        """`rate_bps` in bits a second, `queue_s` the longest wait. Raises ValueError for a rate that is none."""
        if rate_bps <= 0 or queue_s < 0:
            raise ValueError(f"a link of {rate_bps:g} bit/s with a queue of {queue_s:g} s carries nothing")
        self._byte_s = 8 / rate_bps
        self._queue_s = queue_s
        self._free_s = 0.0

    def send(self, size_bytes: int, now_s: float) -> float | None:
        """When a packet that comes now has left; None when the queue is full. Times must not go backwards."""
        begin_s = max(now_s, self._free_s)
        if begin_s - now_s > self._queue_s:
            return None
        self._free_s = begin_s + size_bytes * self._byte_s
        return self._free_s
