"""Builds and drives the library that makes file calls fail; it has to be preloaded by the process that drives it."""

from __future__ import annotations

import ctypes
import errno
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("failing_calls.c")


MODIFIES, OPENS, BY_PATH, ANY = 1, 2, 4, 8
KINDS = {errno.ENOSPC: MODIFIES, errno.EDQUOT: MODIFIES, errno.EMFILE: OPENS, errno.EACCES: BY_PATH, errno.EIO: ANY,
         errno.EINTR: ANY}
"""Errno -> the kinds of calls that can give it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One error, and where it strikes."""

    nth: int
    """Call that fails, from 1, of those that can give the error; 0: none does, all are counted."""
    error: int
    """An errno."""
    lasting: bool = False
    """Whether all such calls after it fail as well, as on a disk that is full."""

    def __str__(self) -> str:
        return f"{errno.errorcode[self.error]} at call {self.nth}{' and all later ones' if self.lasting else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """What became of a fault."""

    calls: int
    """That were made in all."""
    name: str
    """The call that failed first; empty: none."""
    path: str


def explain_no_compiler() -> str:
    """Why the library cannot be built here; empty where it can."""
    return "" if shutil.which("cc") else "there is no C compiler here (apt-get install gcc libc6-dev)"


def build_library(folder: Path) -> Path:
    """The library, compiled into a folder. Raises CalledProcessError."""
    made = folder / "failing_calls.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-w", "-o", str(made), str(SOURCE), "-ldl"], check=True,
                   capture_output=True, timeout=120)
    return made


class Injector:
    """The library in this process. Raises AttributeError where it was not preloaded."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._library.failing_call.restype = self._library.failing_path.restype = ctypes.c_char_p
        self._library.failing_disarm.restype = ctypes.c_long
        self._library.failing_arm.argtypes = (ctypes.c_char_p, ctypes.c_long, *[ctypes.c_int] * 3)

    def arm(self, folder: Path, fault: Fault) -> None:
        """From now on calls on files below the folder are counted, and fail as the fault says."""
        self._library.failing_arm(f"{folder}/".encode(), fault.nth, fault.error, fault.lasting,
                                  KINDS[fault.error])

    def disarm(self) -> Struck:
        """Let all calls be as they are again."""
        calls = self._library.failing_disarm()
        return Struck(calls=calls, name=self._library.failing_call().decode(),
                      path=self._library.failing_path().decode(errors="replace"))
