"""How many tests may still be asked for: nobody else's network is used up by a run that goes wrong."""

from __future__ import annotations

import threading


class AskingBudget:
    """So many tests and no more, from whatever threads."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """Tests that may still be asked for."""
        return self._left

    def take(self, tests: int) -> bool:
        """Whether there are so many left; they are gone then."""
        with self._lock:
            if tests > self._left:
                return False
            self._left -= tests
            return True

    def give_back(self, tests: int) -> None:
        """Of those that were taken, what was not used."""
        with self._lock:
            self._left += tests

    def close(self) -> None:
        """Nothing is left: the other side has had enough."""
        with self._lock:
            self._left = 0
