"""Fewer passes of Python's search for circles of objects, while a lot is made that stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_OBJECTS = 100_000
"""So many more objects than before make a pass; Python's own number is 700."""


@contextmanager
def collect_seldom() -> Iterator[None]:
    """Within it the search for circles runs seldom. An analysis spends a tenth of its time on it otherwise."""
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
