"""Run one program inside a laboratory: join its namespaces, take the privileges away, execute, pass the status on.

Started as a fresh interpreter with one thread, because a process with several may not join a user namespace. It
imports little: it is the price of every run.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from probe.lab import namespaces as ns

_CANNOT_EXECUTE = 126
_NOT_FOUND = 127
_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)  # the kernel sends these to the program as well


def _shed_privileges(level: str, uid: int, gid: int) -> None:
    if level == "packet":
        ns.drop_capability(ns.CAP_SYS_ADMIN)
    else:
        # In a user namespace below the one that owns the network, no capability counts there.
        ns.enter_new_user(uid=uid, gid=gid)


def _execute(argv: Sequence[str]) -> int:
    try:
        os.execvp(argv[0], list(argv))
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr, flush=True)
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _CANNOT_EXECUTE


def _pass_on(status: int) -> int:
    """The exit status to end with; does not return for a program that a signal ended, but ends the same way."""
    if not os.WIFSIGNALED(status):
        return os.WEXITSTATUS(status)
    number = os.WTERMSIG(status)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one core dump is enough
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number


def _fork(argv: Sequence[str], *, level: str, uid: int, gid: int) -> int:
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
    child = os.fork()
    if child == 0:
        try:
            ns.die_with_parent()
            _shed_privileges(level, uid, gid)
            # Python ignores SIGPIPE; a program expects the default.
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            os._exit(_execute(argv))
        except BaseException as error:
            print(f"cannot run inside the laboratory: {error}", file=sys.stderr, flush=True)
            os._exit(_CANNOT_EXECUTE)

    def forward(number: int, _frame: FrameType | None) -> None:
        os.kill(child, number)

    for number in _FORWARDED:
        signal.signal(number, forward)
    for number in _FROM_TERMINAL:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    return child


def main(arguments: Sequence[str]) -> int:
    """Run `USER NET MNT PID LEVEL UID GID PROGRAM ...`: descriptors of namespaces (USER may be -1), then who to be."""
    user, net, mnt, pid = map(int, arguments[:4])
    level, uid, gid = arguments[4], int(arguments[5]), int(arguments[6])
    directory = os.getcwd()
    # The user namespace first: it gives the right to join the others.
    for fd, kind in ((user, ns.NEW_USER), (mnt, ns.NEW_MOUNT), (net, ns.NEW_NET), (pid, ns.NEW_PID)):
        if fd >= 0:
            ns.join(fd, kind)
            os.close(fd)
    os.chdir(directory)  # joining a mount namespace leads to its root directory
    child = _fork(arguments[7:], level=level, uid=uid, gid=gid)
    return _pass_on(os.waitpid(child, 0)[1])
