"""One run at a time in a results folder: an advisory lock that the system releases even after kill -9."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from probe.config.folders import find_own_state
from probe.core.safe_files import check_own, open_in_place, open_regular
from probe.store.files.atomic import make_folder, translate_os_errors
from probe.upkeep.commands.file_lock import share, take

_TRIES, _PAUSE_S = 5, 0.02
"""Whoever only looks (`read_held_since`) holds the lock for a moment, which is no run."""


class LockedError(Exception):
    """Another run holds the folder; the text says since when, where that is known."""


@contextlib.contextmanager
def hold_run_lock(directory: Path) -> Iterator[None]:
    """Hold `directory`/.lock while the block runs; raises Locked, after a tenth of a second, when somebody else does.

    The kernel lets go of it with the process's last descriptor, and no child inherits one: nothing has to be cleared
    after a crash. Raises StoreError where the file system knows no locks, rather than run unguarded, and where
    another user could write into the folder or into this user's state.
    """
    make_folder(directory)
    for place in (directory, find_own_state()):  # whoever holds the lock uses both
        with translate_os_errors(place):
            check_own(place)
    with _take_lock(directory / ".lock") as handle:
        with contextlib.suppress(OSError):  # on a full disk the lock holds all the same
            os.ftruncate(handle.fileno(), 0)
            os.lseek(handle.fileno(), 0, os.SEEK_SET)
            os.write(handle.fileno(), datetime.now(UTC).isoformat(timespec="seconds").encode())
        yield


def read_held_since(directory: Path) -> str | None:
    """Since when a run holds the folder, empty where that is not told; None when nobody does. Takes no lock away."""
    try:
        with TextIOWrapper(open_regular(directory / ".lock")) as handle:
            try:
                share(handle)
            except BlockingIOError:
                return _since(handle)
    except OSError:
        return None
    return None


def _take_lock(file: Path) -> TextIO:
    """The open file that holds the lock. Raises Locked or StoreError."""
    since = ""
    for attempt in range(_TRIES):
        time.sleep(_PAUSE_S if attempt else 0)
        with translate_os_errors(file), contextlib.ExitStack() as stack:
            handle = stack.enter_context(os.fdopen(open_in_place(file), "r+"))
            try:
                take(handle)
                if _is_there(file, handle):
                    stack.pop_all()
                    return handle
            except BlockingIOError:
                since = _since(handle)
    raise LockedError(since)


def _is_there(file: Path, handle: TextIO) -> bool:
    """Whether the file that was opened still has its name: one that was deleted meanwhile guards nothing."""
    try:
        return os.path.samestat(os.fstat(handle.fileno()), os.stat(file))
    except FileNotFoundError:
        return False


def _since(handle: TextIO) -> str:
    handle.seek(0)
    try:
        return datetime.fromisoformat(handle.read(40).strip()).isoformat(timespec="seconds")
    except ValueError:
        return ""
