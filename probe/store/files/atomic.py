"""Files that appear whole or not at all, and errors that say what to do."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from probe.core.safe_files import create_new, open_in_place

Writer = Callable[[BinaryIO], None]

_PRIVATE = 0o600
_TEMPORARY = ".part"
_STALE_S = 3600.0
"""A temporary file this old was left by a crash: writing one run takes seconds."""
_MIN_FREE_BYTES = 16 << 20


class StoreError(Exception):
    """Results cannot be written or read; the message says which, why, and what to do."""


_ADVICE: Mapping[int, str] = {
    errno.ENOSPC: "the disk is full: free some space or choose another results folder",
    errno.EDQUOT: "the disk quota is used up: free some space or choose another results folder",
    errno.EACCES: "no permission: make the folder writable for this user or choose another results folder",
    errno.EPERM: "no permission: make the folder writable for this user or choose another results folder",
    errno.EROFS: "the file system is read-only: choose a results folder on one that can be written",
    errno.ENOTDIR: "a file stands where a folder is needed: move it away or choose another results folder",
    errno.EEXIST: "a file stands where a folder is needed: move it away or choose another results folder",
    errno.ENOENT: "there is no such file or folder: check the path",
    errno.EISDIR: "a folder stands where a file is needed: choose another name",
}


@contextmanager
def translate_os_errors(path: Path) -> Iterator[None]:
    """Turns an OSError into a StoreError about this path."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path}: {explain_os_error(error)}") from error


def explain_os_error(error: OSError) -> str:
    """What the system says, and what to do about it where we know."""
    return _ADVICE.get(error.errno or 0, error.strerror or str(error))


def write_files(files: Sequence[tuple[Path, Writer]]) -> None:
    """Writes all files or none: first every one under a temporary name, then renamed in the order given.

    After a crash between two renames the last files are missing; after any other failure all are.
    Folders that are missing are made, for this user alone (0700), and so are the files (0600).
    """
    staged: list[tuple[Path, Path]] = []
    placed: list[Path] = []
    try:
        for path, write in files:
            make_folder(path.parent)
            with translate_os_errors(path):
                temporary = path.with_name(f".{path.name}.{os.getpid()}{_TEMPORARY}")
                staged.append((temporary, path))
                _write_synced(temporary, write)
        for temporary, path in staged:
            with translate_os_errors(path):
                os.replace(temporary, path)
                placed.append(path)
                sync_folder(path.parent)
    except BaseException:
        for path in (*placed, *(temporary for temporary, _ in staged)):
            with suppress(OSError):
                path.unlink()
        raise


def write_file(path: Path, content: bytes) -> None:
    """Writes one file whole."""
    write_files([(path, lambda file: _write_all(file, content))])


def replace_file(path: Path, content: bytes) -> None:
    """Puts a file in the place of another: whatever happens, one of them is there, whole."""
    replace_by_writer(path, lambda file: _write_all(file, content))


def replace_by_writer(path: Path, write: Writer) -> None:
    """As `replace_file`, for who writes piece by piece."""
    with replace_whole(path) as temporary:
        remove_stale(path.parent)
        _write_synced(temporary, write)


@contextmanager
def replace_whole(path: Path) -> Iterator[Path]:
    """Gives a temporary name, for who must write by name; what is written there takes the place of `path` at the end.

    After a failure nothing is left of it, and what was there before stays. The file is this user's alone (0600),
    whoever wrote it. Raises StoreError.
    """
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{_TEMPORARY}")
    with translate_os_errors(path):
        try:
            os.close(create_new(temporary))
            yield temporary
            temporary.chmod(_PRIVATE)  # a library may have put a file of its own there
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        sync_folder(path.parent)


def open_private(path: Path) -> TextIO:
    """Opens a text file to write, this user's alone where it is new, for lists that need not be whole. Raises
    OSError."""
    handle = open_in_place(path)
    os.ftruncate(handle, 0)
    return os.fdopen(handle, "w", encoding="utf-8", newline="")


def make_folder(folder: Path) -> None:
    """Makes a folder and its missing parents, each for this user alone; those that exist stay as they are."""
    with translate_os_errors(folder):
        missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        for parent in reversed(missing):
            with suppress(FileExistsError):
                parent.mkdir(mode=0o700)
            sync_folder(parent.parent)
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def check_writable(directory: Path) -> None:
    """Fails with a StoreError before a run rather than after it when its results could not be written."""
    remove_stale(directory)
    write_file(directory / ".writable", b"probe\n")
    with translate_os_errors(directory):
        (directory / ".writable").unlink(missing_ok=True)  # whoever looks after it at the same moment may be faster
        free = free_bytes(directory)
    if free < _MIN_FREE_BYTES:
        few = f"less than {_MIN_FREE_BYTES >> 20} MiB are free"
        raise StoreError(f"{directory}: {few}: free some space or choose another results folder")


def try_writable(folder: Path) -> None:
    """Fails as `check_writable` does, and leaves no folder behind that was made to find out."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        check_writable(folder)
    finally:
        for path in missing:
            with suppress(OSError):  # somebody has put something into it, or it was never made
                path.rmdir()


def free_bytes(folder: Path) -> int:
    """What this user may still write where an existing folder is. Raises OSError."""
    if hasattr(os, "statvfs"):
        disk = os.statvfs(folder)
        return disk.f_bavail * disk.f_frsize
    import shutil  # takes long to import, and does the same on Windows

    return shutil.disk_usage(folder).free


def remove_stale(folder: Path) -> None:
    """Removes, as far as it may, what a crash left in a folder; the files of a writer at work are younger.

    One from the future is as old: the clock was set back since.
    """
    with suppress(OSError):
        for path in folder.glob(f".*{_TEMPORARY}"):
            if abs(time.time() - path.stat().st_mtime) > _STALE_S:
                path.unlink(missing_ok=True)


def append_lines(path: Path, lines: bytes) -> None:
    """Adds whole lines to a file that is only ever appended to, on disk when this returns. Raises OSError.

    A line that a crash or a full disk cut off stays, ended, as one that nobody can read.
    """
    handle = open_in_place(path, append=True)
    try:
        size = os.fstat(handle).st_size
        os.lseek(handle, max(0, size - 1), os.SEEK_SET)
        torn = size and os.read(handle, 1) != b"\n"
        data = (b"\n" if torn else b"") + lines
        if os.write(handle, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(handle)
    finally:
        os.close(handle)
    if not size:
        sync_folder(path.parent)


def _write_synced(path: Path, write: Writer) -> None:
    with os.fdopen(create_new(path), "wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


def _write_all(file: BinaryIO, content: bytes) -> None:
    file.write(content)


def sync_folder(folder: Path) -> None:
    """Makes what was named, renamed or removed in a folder outlast a power cut, where the file system can."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows opens no folders
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot sync a folder
            raise
    finally:
        os.close(handle)
