"""The laboratory's own directory: made locked, removed at the end, and swept up by the next one after a crash."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

_PREFIX = "probe-lab-"


def _lock(directory: Path) -> int | None:
    """A descriptor that holds the directory's lock, or None where another process holds it or the directory is gone."""
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    with suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A sweeper may have removed the directory between the opening and the lock.
        if os.stat(directory).st_ino == os.fstat(fd).st_ino:
            return fd
    os.close(fd)
    return None


def make_directory() -> tuple[Path, int]:
    """A new directory for this user alone, and the lock on it; every process that inherits the lock keeps it alive."""
    while True:
        directory = Path(tempfile.mkdtemp(prefix=_PREFIX))
        fd = _lock(directory)
        if fd is not None:
            return directory, fd


def sweep() -> None:
    """Remove this user's laboratory directories that no living process holds."""
    for directory in Path(tempfile.gettempdir()).glob(_PREFIX + "*"):
        with suppress(OSError):
            if directory.lstat().st_uid != os.geteuid():
                continue
            fd = _lock(directory)
            if fd is not None:
                shutil.rmtree(directory, ignore_errors=True)
                os.close(fd)
