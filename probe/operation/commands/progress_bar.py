"""A bar for long work, where a person looks on."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import click

from probe.core.progress import Progress, ignore_progress


@contextlib.contextmanager
def show_progress(label: str, *, wanted: bool = True) -> Iterator[Progress]:
    """What to call as the work goes on; it draws where standard error is a terminal."""
    if not wanted or not sys.stderr.isatty():
        yield ignore_progress
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as drawn:

        def tell(done: int, total: int) -> None:
            drawn.length = max(1, total)
            drawn.update(max(0, done - drawn.pos))

        yield tell
