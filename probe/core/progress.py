"""What long work calls to say how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with (done, total)."""


class Forward:
    """What was done as people are shown it: it never falls, though work that was done may be asked for again."""

    def __init__(self) -> None:
        self.done = self.total = 0
        self._share = 0.0

    def tell(self, done: int, total: int) -> None:
        """Note how far the work is: `done` is the most that ever was, of what is now known to be to do."""
        self.done, self.total = min(max(done, self.done), total), total
        self._share = max(self._share, self.done / total if total > 0 else 0.0)

    @property
    def share(self) -> float:
        """The part that is done, 0 to 1, also while more work is found."""
        return self._share


def ignore_progress(done: int, total: int) -> None:
    """For nobody who looks on."""
