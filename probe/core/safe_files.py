"""Opens files on a machine with other users: through no link and no pipe, and nothing that somebody else could change.

The rule for who else could is that of ssh's StrictModes, with Debian's word on groups. A file or a folder, and each
folder above it up to the person's home (outside the home, up to the root), belongs to this user or to root, and nobody
else may write to it. A group may where it is root's, or where this user is in it and nobody else but root, as far as
this machine's lists tell: so a umask of 002 does no harm where each user has such a group. A link counts for where it
leads, if this user or root made it. In a folder above, a sticky bit is enough: nobody can move away there what belongs
to another.

In a user namespace (a rootless container, the laboratory) root and all other users may look like one user, "nobody".
Then only modes are looked at.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from functools import cache
from io import BufferedReader
from pathlib import Path

from probe.core.translation import say

BINARY = getattr(os, "O_BINARY", 0)
"""For `os.open`: Windows would write two bytes for each end of line. Descriptors are never inherited (PEP 446)."""
NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_NONBLOCK: int = getattr(os, "O_NONBLOCK", 0)
_PRIVATE = 0o600
_MOST_LINKS = 40


class UnsafeFileError(OSError):
    """What is not opened, since it is no plain file, or somebody else could change it; the text says what to do."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(0, why, str(path))


def open_regular(path: Path) -> BufferedReader:
    """Opens a plain file to read. Raises UnsafeFileError at once for a link, a pipe or a device, and OSError."""
    _check_plain(path, os.lstat(path).st_mode)  # before it is opened: a device may do something then
    handle = os.open(path, os.O_RDONLY | NOFOLLOW | _NONBLOCK | BINARY)
    try:
        _check_plain(path, os.fstat(handle).st_mode)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def open_in_place(path: Path, *, append: bool = False) -> int:
    """A descriptor of a plain file to read and write, or to append to; one that is missing is made for this user
    alone. Raises UnsafeFileError, OSError."""
    with suppress(FileNotFoundError):
        _check_plain(path, os.lstat(path).st_mode)
    flags = os.O_RDWR | os.O_CREAT | NOFOLLOW | _NONBLOCK | BINARY | (os.O_APPEND if append else 0)
    handle = os.open(path, flags, _PRIVATE)
    try:
        _check_plain(path, os.fstat(handle).st_mode)
    except BaseException:
        os.close(handle)
        raise
    return handle


def create_new(path: Path) -> int:
    """A descriptor of an empty file of this user's alone, of which nobody else has a name or a descriptor: what was
    left under its name goes. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NOFOLLOW | BINARY
    try:
        return os.open(path, flags, _PRIVATE)
    except FileExistsError:
        path.unlink()
        return os.open(path, flags, _PRIVATE)


def check_own(path: Path) -> None:
    """Raises UnsafeFileError for a folder in which somebody else could put what we open there, and for a file that
    somebody else could change. What is missing is as good as its place. Raises OSError."""
    if why := find_distrust(path, trusted=frozenset({0, _find_user()})):
        raise UnsafeFileError(path, why)


def check_readable(path: Path) -> None:
    """As `check_own`, of a file that is only read: root may read what another user alone could change."""
    user = _find_user() or os.stat(path).st_uid
    if why := find_distrust(path, trusted=frozenset({0, user})):
        raise UnsafeFileError(path, why)


def open_own(path: Path) -> BufferedReader:
    """Opens a plain file to read that passes `check_readable`; links of the person's own are followed. Raises
    UnsafeFileError, OSError."""
    check_readable(path)
    return open_regular(path.resolve())


def _find_user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0


def find_distrust(path: Path, *, trusted: frozenset[int]) -> str:
    """Who but the trusted users could change what stands at a path, and what to do about it; empty where nobody could.
    Raises OSError."""
    if not hasattr(os, "geteuid"):  # Windows: modes say nothing there, a person's own folders are closed already
        return ""
    home, here, why, led_by = Path("~").expanduser(), Path("/"), "", ""
    left, links = [*reversed((Path.cwd() / path).parts[1:])], 0
    while left:
        if (name := left.pop()) == "..":
            here = here.parent
            continue
        step = here / name
        try:
            found = os.lstat(step)
        except FileNotFoundError:
            break
        if _is_same(step, home):
            why = ""  # who could change what is above a home could do so in any case
        if stat.S_ISLNK(found.st_mode):
            if (links := links + 1) > _MOST_LINKS:
                raise UnsafeFileError(path, os.strerror(errno.ELOOP))
            target = Path(os.readlink(step))
            led_by = led_by or why or _find_stranger(step, found, trusted)  # a home behind it makes it no better
            left += reversed(target.parts[target.is_absolute():])
            here = Path("/") if target.is_absolute() else here
            continue
        here = step
        why = why or _find_stranger(step, found, trusted) or _find_writers(step, found, trusted, is_above=bool(left))
    return led_by or why


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one == other or os.path.samestat(os.lstat(one), os.stat(other))
    except OSError:
        return False


def _find_stranger(path: Path, found: os.stat_result, trusted: frozenset[int]) -> str:
    """Why an owner is none to trust."""
    if found.st_uid in trusted or found.st_uid == _find_nobody():
        return ""
    owner = _name_user(found.st_uid)
    if os.geteuid() == 0:
        return say("{path} belongs to {owner}, and you are root: whoever can change it could make root write anywhere. "
                   "Call the program as that user: sudo -u {owner} ...", path=path, owner=owner)
    return say("{path} belongs to {owner}, who could change what is in it. Choose a place of your own, in your home "
               "folder", path=path, owner=owner)


def _find_writers(path: Path, found: os.stat_result, trusted: frozenset[int], *, is_above: bool) -> str:
    """Why a mode lets others in."""
    mode = found.st_mode
    open_to_others = mode & stat.S_IWOTH or (mode & stat.S_IWGRP and not _is_own_group(found.st_gid, trusted))
    if not open_to_others or (is_above and mode & stat.S_ISVTX):
        return ""
    if mode & stat.S_ISVTX:  # a folder for all, such as /tmp, stays one
        return say("others may write to {path}. Choose a place of your own, in your home folder", path=path)
    return say("others may write to {path}. Close it (chmod go-w {path}), or choose a place of your own, in your home "
               "folder", path=path)


@cache
def _is_own_group(gid: int, trusted: frozenset[int]) -> bool:
    """Whether one of these users, and nobody else, is in a group; a number that no list names, as in containers, is
    nobody else's where this process has it."""
    import grp
    import pwd

    if gid == 0:
        return True
    try:
        members = {*grp.getgrgid(gid).gr_mem}
    except KeyError:
        members = set()
    users = {entry.pw_uid for entry in pwd.getpwall() if entry.pw_gid == gid or entry.pw_name in members}
    return users <= trusted and bool(users or gid in (os.getegid(), *os.getgroups()))


@cache
def _find_nobody() -> int:
    """The user as which all appear whom this user namespace does not know; -1 where it knows all."""
    try:
        if Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]:
            return -1
        return int(Path("/proc/sys/kernel/overflowuid").read_text())
    except (OSError, ValueError):
        return -1


def _name_user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def _check_plain(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise UnsafeFileError(path, f"is {name_kind(mode)}, and no file: move it away")


def name_kind(mode: int) -> str:
    """What there is in place of a plain file, in words for a sentence."""
    kinds = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder"}
    return kinds.get(stat.S_IFMT(mode), "a device")
