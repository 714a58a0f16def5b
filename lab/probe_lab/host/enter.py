"""Runs one program inside a laboratory: `probe_lab.laboratory` starts it as a process of its own.

It joins the client's namespaces, takes on the evidence level's privileges, and waits beside the program, which is
in another process namespace: signals sent to this process go to the program, and its end becomes this process's.
Modules of the laboratory other than `namespaces` are not imported: they would add to the time that every run takes.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence

from probe_lab.host import namespaces as ns

CANNOT_EXECUTE = 126
_NOT_FOUND = 127
_FORWARDED = frozenset(
    (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT, signal.SIGQUIT)
)
_SI_KERNEL = 0x80
"""The kernel sent it, for a key at the terminal: then the program has received it as well (sigaction(2))."""

_DROPPED = (ns.CAP_SYS_ADMIN, ns.CAP_SYS_PTRACE)
"""With these a client could undo its mounts, or read the laboratory's memory."""


def _shed_privileges(level: str, uid: int, gid: int) -> None:
    if level == "packet":
        for capability in _DROPPED:
            ns.drop_capability(capability)
    elif level == "socket":
        # In a user namespace below the one that owns the network, no capability counts there.
        ns.enter_new_user(uid=uid, gid=gid)


def _execute(argv: Sequence[str]) -> int:
    try:
        os.execvp(argv[0], list(argv))
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr, flush=True)
        return CANNOT_EXECUTE if _is_there(argv[0]) else _NOT_FOUND


def _is_there(program: str) -> bool:
    """As shells see it: a folder of the search path that may not be looked into holds nothing, though the kernel
    answers for it that access is denied."""
    return any(os.path.lexists(os.path.join(folder, program)) for folder in os.get_exec_path())


def _pass_on(status: int) -> int:
    """The exit status to end with; does not return for a program that a signal ended, but ends the same way."""
    if not os.WIFSIGNALED(status):
        return os.WEXITSTATUS(status)
    number = os.WTERMSIG(status)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one core dump is enough
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
    return 128 + number


def _fork(work: Callable[[], int], *, level: str, uid: int, gid: int) -> int:
    child = os.fork()
    if child:
        return child
    try:
        ns.name_process("lab-program")  # until it executes another
        ns.die_with_parent()
        _shed_privileges(level, uid, gid)
        # Python ignores SIGPIPE; a program expects the default.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {*_FORWARDED, signal.SIGCHLD})
        os._exit(work())
    except BaseException as error:
        print(f"cannot run inside the laboratory: {error}", file=sys.stderr, flush=True)
        os._exit(CANNOT_EXECUTE)


def _wait(child: int) -> int:
    """Pass signals on until the program has ended; its wait status."""
    while True:
        news = signal.sigwaitinfo({*_FORWARDED, signal.SIGCHLD})
        if news.si_signo == signal.SIGCHLD:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                return status
        elif news.si_code != _SI_KERNEL:
            os.kill(child, news.si_signo)


def enter(spaces: Sequence[int], work: Callable[[], int], *, level: str, uid: int, gid: int) -> int:
    """Do the work in a process inside, with the level's privileges; its wait status (see `os.waitpid`).

    `spaces`: descriptors of the user (may be -1), network, mount and process namespace; they are closed. Raises OSError
    where there is no way in.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {*_FORWARDED, signal.SIGCHLD})
    user, net, mnt, pid = spaces
    directory = os.getcwd()
    # The user namespace first: it gives the right to join the others.
    for fd, kind in ((user, ns.NEW_USER), (mnt, ns.NEW_MOUNT), (net, ns.NEW_NET), (pid, ns.NEW_PID)):
        if fd >= 0:
            ns.join(fd, kind)
            os.close(fd)
    os.chdir(directory)  # joining a mount namespace leads to its root directory
    return _wait(_fork(work, level=level, uid=uid, gid=gid))


def main(arguments: Sequence[str]) -> int:
    """Run `USER NET MNT PID LEVEL UID GID PROGRAM ...`: descriptors of namespaces (USER may be -1), then who to be."""
    spaces, program = list(map(int, arguments[:4])), arguments[7:]
    level, uid, gid = arguments[4], int(arguments[5]), int(arguments[6])
    try:
        status = enter(spaces, lambda: _execute(program), level=level, uid=uid, gid=gid)
    except OSError as error:  # the laboratory has ended, or the directory is one that it hides
        print(f"cannot run inside the laboratory: {error}", file=sys.stderr, flush=True)
        return CANNOT_EXECUTE
    return _pass_on(status)
