"""In which order trials begin, so that none that takes long is left for the end, when the machine would wait for it."""

from __future__ import annotations

import threading
from collections.abc import Sequence


class Queue:
    """Trials by the names of their scenarios, each taken once; several threads may take and tell at once.

    Of every scenario one trial is begun first. Then those come first whose scenario has taken longest so far: how long
    one takes follows from what its client has to wait for, which no file says.
    """

    def __init__(self, scenarios: Sequence[str]) -> None:
        self._lock = threading.Lock()
        self._scenarios = scenarios
        self._left = set(range(len(scenarios)))
        self._begun: set[str] = set()
        self._took_s: dict[str, float] = {}

    def take(self) -> int:
        """The number of the trial to begin now. Raises ValueError when none is left."""
        with self._lock:
            index = max(self._left, key=self._urgency)
            self._left.remove(index)
            self._begun.add(self._scenarios[index])
            return index

    def tell(self, index: int, wall_s: float) -> None:
        """A trial has taken so long."""
        with self._lock:
            name = self._scenarios[index]
            self._took_s[name] = max(wall_s, self._took_s.get(name, 0.0))

    def _urgency(self, index: int) -> tuple[bool, float, int]:
        """The greater, the sooner; equal ones in their order."""
        name = self._scenarios[index]
        return name not in self._begun, self._took_s.get(name, 0.0), -index
