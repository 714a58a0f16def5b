"""A small disk that runs full and turns read-only: a real one in memory where the kernel lets us mount, else errors
that are raised where files are opened.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol
from unittest.mock import patch

from probe_lab.host.namespaces import NEW_MOUNT, enter_new_user, mount, unshare

_READ_ONLY, _REMOUNT = 0x1, 0x20
_PRIVATE = 0x4000 | 0x4_0000
_BALLAST = "ballast"


class Disk(Protocol):
    """What can happen to a disk."""

    kind: str

    def fill(self, *, leave: int) -> None:
        """Let others take all of it but so many bytes."""

    def drain(self) -> None:
        """Let them give it back."""

    def read_only(self, on: bool) -> None:
        """As after an error of the device."""


class MemoryDisk:
    """A tmpfs of its own; the mount ends with this process's mount namespace."""

    kind = "tmpfs"

    def __init__(self, folder: Path, size_mb: int) -> None:
        mount("none", "/", flags=_PRIVATE)
        mount("tmpfs", folder, "tmpfs", options=f"size={size_mb}m,mode=700")
        self._folder = folder

    def fill(self, *, leave: int) -> None:
        """Take all pages but some."""
        disk = os.statvfs(self._folder)
        take = disk.f_bavail * disk.f_frsize - leave
        if take > 0:
            handle = os.open(self._folder / _BALLAST, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(handle, os.fstat(handle).st_size, take)
            finally:
                os.close(handle)

    def drain(self) -> None:
        """Free them."""
        (self._folder / _BALLAST).unlink(missing_ok=True)

    def read_only(self, on: bool) -> None:
        """Mount it anew."""
        mount("none", self._folder, flags=_REMOUNT | (_READ_ONLY if on else 0))


class PretendedDisk:
    """Opening a file of the folder for writing fails as it would on such a disk."""

    kind = "pretended"

    def __init__(self, folder: Path) -> None:
        self._folder, self._code, self._left = str(folder), 0, 0
        self._open: Callable[..., int] = os.open
        self._statvfs = os.statvfs
        os.open = self._opened  # for the life of this process
        os.statvfs = self._measured

    def fill(self, *, leave: int) -> None:
        """From the leave/4096-th file on there is no room."""
        self._code, self._left = errno.ENOSPC, leave // 4096

    def drain(self) -> None:
        """There is room."""
        self._code = 0

    def read_only(self, on: bool) -> None:
        """No file can be written."""
        self._code, self._left = (errno.EROFS if on else 0), 0

    def _opened(self, path: Any, flags: int, *rest: Any, **named: Any) -> int:
        if self._code and flags & (os.O_WRONLY | os.O_RDWR) and str(path).startswith(self._folder):
            if self._left <= 0:
                raise OSError(self._code, os.strerror(self._code), str(path))
            self._left -= 1
        return self._open(path, flags, *rest, **named)

    def _measured(self, path: Any) -> Any:
        if self._code == errno.ENOSPC and str(path).startswith(self._folder):
            return SimpleNamespace(f_bavail=self._left, f_frsize=4096)
        return self._statvfs(path)


def small_disk(folder: Path, *, size_mb: int) -> Disk:
    """A disk at an empty folder. To be called once, in a process with one thread."""
    try:
        try:
            unshare(NEW_MOUNT)
        except PermissionError:
            enter_new_user(uid=0, gid=0)
            unshare(NEW_MOUNT)
        return MemoryDisk(folder, size_mb)
    except OSError:
        return PretendedDisk(folder)


@contextmanager
def no_network() -> Iterator[None]:
    """Nothing here sends; should anything try, it fails loudly."""

    def refuse(*_: object) -> None:
        raise RuntimeError("nothing may be sent here")

    with patch("socket.socket.connect", refuse), patch("socket.socket.sendto", refuse):
        yield


def stamp_parts(directory: Path, now_s: float) -> None:
    """Give half-written files the time of the shifted clock: the kernel stamped them with its own."""
    for path in directory.rglob(".*.part"):
        with suppress(OSError):
            if stat.S_ISREG(path.lstat().st_mode):
                os.utime(path, (now_s, now_s))
