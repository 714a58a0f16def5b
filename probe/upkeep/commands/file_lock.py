"""Locks on an open file, as each system has them; both are let go of when the file is closed or the process ends."""

from __future__ import annotations

import errno
import sys
from typing import IO

PLACE = 1 << 30
"""On Windows a lock is on bytes, and whoever else reads these is refused; so it is far behind the few that are there
to be read. Nothing is ever written at it."""

if sys.platform == "win32":
    import msvcrt

    def take(handle: IO[str]) -> None:
        """Lock the file for this process alone; raises BlockingIOError at once where another has done so."""
        handle.seek(PLACE)
        try:
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EDEADLK):
                raise
            raise BlockingIOError(errno.EAGAIN, "held by another process") from None
        finally:
            handle.seek(0)

    share = take
    """Windows' C library knows no lock that several may have; whoever only looks lets go of it at once."""
else:
    import fcntl

    def take(handle: IO[str]) -> None:
        """Lock the file for this process alone; raises BlockingIOError at once where another has done so."""
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def share(handle: IO[str]) -> None:
        """See whether anybody has it for himself; raises BlockingIOError where somebody does."""
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
