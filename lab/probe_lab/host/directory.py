"""The laboratory's own directory: made locked, removed at the end, and swept up by the next one after a crash.

All of a user's are in one parent, so that a client can be shut out of every laboratory there is or will be.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from probe_lab.lab_errors import LabUnavailable


def _parent() -> Path:
    return Path(tempfile.gettempdir()) / f"probe-lab-{os.geteuid()}"


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
    """A new directory for this user alone, and the lock on it; every process that inherits the lock keeps it alive.

    Raises LabUnavailable when somebody else has taken the name of the parent.
    """
    parent = _parent()
    while True:
        with suppress(FileExistsError):
            parent.mkdir(mode=0o700)
        # The last laboratory to end removes the parent, perhaps just now.
        with suppress(FileNotFoundError):
            status = parent.lstat()
            if status.st_uid != os.geteuid() or not stat.S_ISDIR(status.st_mode):
                raise LabUnavailable(f"{parent} is not this user's: remove it, or set TMPDIR to another directory")
            directory = Path(tempfile.mkdtemp(dir=parent))
            fd = _lock(directory)
            if fd is not None:
                return directory, fd


def remove_directory(directory: Path) -> None:
    """Remove a laboratory's directory, and the parent with the last of them; harmless when repeated."""
    shutil.rmtree(directory, ignore_errors=True)
    with suppress(OSError):
        directory.parent.rmdir()


def sweep() -> None:
    """Remove this user's laboratory directories that no living process holds."""
    with suppress(FileNotFoundError):
        for directory in _parent().iterdir():
            fd = _lock(directory)
            if fd is not None:
                remove_directory(directory)
                os.close(fd)
