"""Connection limits: too many new connections in a short time, and further ones are refused for a while."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field

MAX_COUNTERS = 4096


@dataclass(slots=True)
class _Counter:
    opened_s: deque[float] = field(default_factory=deque)
    refused_until_s: float = float("-inf")


class Limits:
    """The counters of one box; the one longest unused makes room."""

    def __init__(self) -> None:
        self._counters: OrderedDict[Hashable, _Counter] = OrderedDict()

    def refuses(
        self, whose: Hashable, *, new: bool, most: int, window_s: float, cooldown_s: float, now_s: float
    ) -> bool:
        """Whether a SYN is refused; `new`: it opens a connection that has not been counted."""
        counter = self._counters.setdefault(whose, _Counter())
        self._counters.move_to_end(whose)
        if len(self._counters) > MAX_COUNTERS:
            self._counters.popitem(last=False)
        if now_s < counter.refused_until_s:
            return True
        if not new:
            return False
        opened_s = counter.opened_s
        while opened_s and now_s - opened_s[0] >= window_s:
            opened_s.popleft()
        opened_s.append(now_s)
        if len(opened_s) <= most:
            return False
        opened_s.clear()
        counter.refused_until_s = now_s + cooldown_s
        return True
