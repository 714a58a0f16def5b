"""A bar for long work, where a person looks on."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import click

from probe.core.progress import Forward, Progress, ignore_progress
from probe.upkeep.commands.screen import find_terminal_size

STEPS = 1000
"""Of the bar: it tells shares, since the total may grow while the work goes on."""

_LEAST_BAR, _MOST_BAR, _BESIDE = 5, 36, 21
"""Columns: of the bar, and of what click writes beside it, with the time left and the percentage."""


@contextlib.contextmanager
def show_progress(label: str, *, wanted: bool = True) -> Iterator[Progress]:
    """What to call as the work goes on; it draws where standard error is a terminal."""
    if not wanted or not sys.stderr.isatty():
        yield ignore_progress
        return
    work, columns = Forward(), find_terminal_size().columns
    label = label[:max(0, columns - _BESIDE - _LEAST_BAR)]
    width = max(_LEAST_BAR, min(_MOST_BAR, columns - _BESIDE - len(label)))
    with click.progressbar(length=STEPS, label=label, file=sys.stderr, width=width) as drawn:

        def tell(done: int, total: int) -> None:
            work.tell(done, total)
            drawn.update(int(STEPS * work.share) - drawn.pos)

        yield tell
