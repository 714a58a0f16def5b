"""One run at a time in a results folder: an advisory lock that the system releases even after kill -9."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from probe.cli.lock_system import share, take
from probe.store.atomic import StoreError, explained, make_folder


class Locked(Exception):
    """Another run holds the folder; the text says since when, where that is known."""


@contextlib.contextmanager
def run_lock(directory: Path) -> Iterator[None]:
    """Hold `directory`/.lock while the block runs; raises Locked at once when somebody else does.

    The kernel lets go of it with the process's last descriptor, and no child inherits one: nothing has to be cleared
    after a crash. Raises StoreError where the file system knows no locks, rather than run unguarded.
    """
    make_folder(directory)
    file = directory / ".lock"
    with explained(file):
        handle = os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+")
    with handle:
        try:
            with explained(file):
                take(handle)
        except StoreError as error:
            if isinstance(error.__cause__, BlockingIOError):
                raise Locked(_since(handle)) from None
            raise
        with contextlib.suppress(OSError):  # on a full disk the lock holds all the same
            handle.seek(0)
            handle.truncate()
            handle.write(datetime.now(UTC).isoformat(timespec="seconds"))
            handle.flush()
        yield


def held_since(directory: Path) -> str | None:
    """Since when a run holds the folder, empty where that is not told; None when nobody does. Takes no lock away."""
    try:
        with (directory / ".lock").open("r") as handle:
            try:
                share(handle)
            except BlockingIOError:
                return _since(handle)
    except OSError:
        return None
    return None


def _since(handle: TextIO) -> str:
    handle.seek(0)
    try:
        return datetime.fromisoformat(handle.read(40).strip()).isoformat(timespec="seconds")
    except ValueError:
        return ""
