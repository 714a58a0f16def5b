"""The client's own process numbers: what it runs sees neither the laboratory's processes nor the machine's."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys

from probe_lab.host import namespaces as ns
from probe_lab.host.mounts import remount_proc

_FOR_EVER_S = "2147483647"


def _be_first(says_mounted: int) -> None:
    """Be process 1 of the new space until the laboratory ends; never returns.

    Another program takes its place: it holds no memory of the laboratory's, since a client with privileges may look
    into it. Descriptors are closed on the way, as Python's always are.
    """
    ns.die_with_parent()
    remount_proc()
    os.write(says_mounted, b"\0")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # kept over execve: the kernel clears up orphans by itself
    sleep = shutil.which("sleep", path=os.defpath)
    if sleep:
        os.execve(sleep, [sleep, _FOR_EVER_S], {})
    os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", "import signal; signal.pause()"], {})


def keep_process_space(answer: socket.socket) -> None:
    """Make a process namespace, send its descriptor, and keep it alive; to be called in the client's mounts.

    Where a container forbids to mount /proc the client goes on seeing the outer one.
    """
    own = os.open("/proc/self/ns", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    ns.unshare(ns.NEW_PID)
    mounted, says_mounted = os.pipe()
    first = os.fork()
    if first == 0:
        try:
            _be_first(says_mounted)
        finally:
            os._exit(1)
    os.close(says_mounted)
    if not os.read(mounted, 1):
        raise OSError("the client's first process ended")
    # From here on /proc is the client's, in which this process does not exist.
    space = os.open("pid_for_children", os.O_RDONLY | os.O_CLOEXEC, dir_fd=own)
    socket.send_fds(answer, [b"\0"], [space])
    os.close(space)
    os.waitpid(first, 0)


def receive_space(answer: socket.socket) -> int:
    """The descriptor that `keep_process_space` has sent. Raises OSError when it ended instead."""
    said, fds, _, _ = socket.recv_fds(answer, 1, 1)
    if not said:
        raise OSError("the client's process namespace could not be made")
    return fds[0]
