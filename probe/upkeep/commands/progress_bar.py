"""A bar for long work, where a person looks on."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import click

from probe.core.progress import Forward, Progress, ignore_progress

STEPS = 1000
"""Of the bar: it tells shares, since the total may grow while the work goes on."""


@contextlib.contextmanager
def show_progress(label: str, *, wanted: bool = True) -> Iterator[Progress]:
    """What to call as the work goes on; it draws where standard error is a terminal."""
    if not wanted or not sys.stderr.isatty():
        yield ignore_progress
        return
    work = Forward()
    with click.progressbar(length=STEPS, label=label, file=sys.stderr) as drawn:

        def tell(done: int, total: int) -> None:
            work.tell(done, total)
            drawn.update(int(STEPS * work.share) - drawn.pos)

        yield tell
