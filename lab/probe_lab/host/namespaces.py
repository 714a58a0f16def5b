"""Linux namespaces: making them, joining them, and the privileges inside (namespaces(7), user_namespaces(7)).

The calls change the calling process and are meant for programs with one thread; making or joining a user
namespace is refused to any other.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEW_MOUNT = 0x0002_0000
NEW_USER = 0x1000_0000
NEW_PID = 0x2000_0000
NEW_NET = 0x4000_0000

CAP_SYS_PTRACE = 19
CAP_SYS_ADMIN = 21

MOUNT_BIND = 0x1000

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_CAPBSET_DROP = 24

_libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    """Raise the OSError that libc left in errno unless `result` is zero."""
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(kinds: int) -> None:
    """Move this process into new namespaces of the given kinds (a new process namespace takes its next child)."""
    check(_libc.unshare(ctypes.c_int(kinds)), f"unshare({kinds:#x})")


def join(fd: int, kind: int) -> None:
    """Move this process into the namespace that an open file stands for."""
    check(_libc.setns(ctypes.c_int(fd), ctypes.c_int(kind)), f"setns({kind:#x})")


def open_own(kind: str) -> int:
    """A descriptor of this process's own namespace: `net`, `mnt`, `user` or `pid`; it keeps the namespace alive."""
    return os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)


def new_net() -> int:
    """Enter a new, empty network namespace; the descriptor keeps it alive."""
    unshare(NEW_NET)
    return open_own("net")


@contextmanager
def visiting_net(fd: int) -> Iterator[None]:
    """Run a block inside another network namespace, then come back."""
    home = open_own("net")
    try:
        join(fd, NEW_NET)
        try:
            yield
        finally:
            join(home, NEW_NET)
    finally:
        os.close(home)


def enter_new_user(*, uid: int, gid: int) -> None:
    """Enter a new user namespace in which the present user and group are called `uid` and `gid`."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    unshare(NEW_USER)
    # An unprivileged process may map its own group only once setgroups(2) is given up.
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {outer_uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {outer_gid} 1")


def mount(source: str | Path, target: str | Path, kind: str = "", *, flags: int = 0, options: str = "") -> None:
    """mount(2) in the present mount namespace."""
    encoded = (os.fsencode(source), os.fsencode(target), kind.encode() or None)
    check(_libc.mount(*encoded, ctypes.c_ulong(flags), os.fsencode(options) or None), f"mount on {target}")


def has_capability(number: int) -> bool:
    """Whether this process has a capability in effect in its own user namespace."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    return False


def drop_capability(number: int) -> None:
    """Take a capability away from the program that is executed next, and from all its children."""
    check(_libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0), "prctl(PR_CAPBSET_DROP)")


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that forked it ends."""
    check(_libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")


def name_process(name: str) -> None:
    """What `ps`, `top` and process accounting call this process; 15 characters are shown."""
    check(_libc.prctl(_PR_SET_NAME, name.encode(), 0, 0, 0), "prctl(PR_SET_NAME)")
