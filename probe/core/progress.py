"""What long work calls to say how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with (done, total)."""


def ignore_progress(done: int, total: int) -> None:
    """For nobody who looks on."""
