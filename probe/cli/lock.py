"""One run at a time in a results folder: an advisory lock that the system releases even after kill -9."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path


class Locked(Exception):
    """Another run holds the folder."""


@contextlib.contextmanager
def run_lock(directory: Path) -> Iterator[None]:
    """Hold `directory`/.lock while the block runs; raises Locked at once when somebody else does."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (directory / ".lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Locked(str(directory)) from None
        yield
