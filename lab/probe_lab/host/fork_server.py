"""Processes forked from one interpreter that has imported what they need: each starts in a fraction of the time.

The owner holds a `ForkServer`; at its other end a module calls `serve`. The interpreter has one thread, as the making
of user namespaces demands, and ends with its owner; what it has forked lives on.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module

from probe_lab.host.child import work_and_end
from probe_lab.lab_errors import LabFailed

_MOST_FDS = 16


class ForkServer:
    """The owner's side; several threads may ask at once."""

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        """`module`: what the interpreter runs; `environment`: where it, and all that comes from it, finds modules."""
        self._module = module
        self._environment = dict(environment)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, if it was not; it imports while others go on."""
        if self._process is None:
            self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", self._module, str(theirs.fileno())], env=self._environment,
                    stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True)

    def close(self) -> None:
        """Let it end, if it was started; what it has forked is not touched."""
        if self._process is not None:
            self._socket.close()
            self._process.wait()

    def fork(self, fds: Sequence[int]) -> int:
        """Fork a process that receives these descriptors; a descriptor of it. Raises LabFailed if nobody answers."""
        try:
            with self._lock:
                self.start()
                socket.send_fds(self._socket, [b"\0"], list(fds))
                data, answer, _, _ = socket.recv_fds(self._socket, 1, 1)
        except OSError as error:
            raise LabFailed(f"the interpreter that {self._module} keeps to fork from is gone: {error}") from error
        if not data or not answer:
            raise LabFailed(f"the interpreter that {self._module} keeps to fork from has ended")
        return answer[0]


def serve(arguments: Sequence[str], *, modules: Iterable[str], become: Callable[[list[int]], int],
          prepare: Callable[[], object] = lambda: None) -> int:
    """`SOCKET`: import, prepare, then fork a process for each message until the other end is closed.

    `become` is what the process does with the descriptors that came with it; what it returns is the exit status.
    """
    sock = socket.socket(fileno=int(arguments[0]))
    for name in modules:
        import_module(name)
    prepare()
    gc.freeze()  # a collector that looks at all this again would copy it into every child
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    while True:
        data, fds, _, _ = socket.recv_fds(sock, 1, _MOST_FDS)
        if not data:
            return 0
        _fork(sock, fds, become)
        for fd in fds:
            os.close(fd)


def _fork(sock: socket.socket, fds: list[int], become: Callable[[list[int]], int]) -> None:
    wait, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(go)
        sock.close()
        work_and_end(lambda: _begin(wait, fds, become))
    os.close(wait)
    process = os.pidfd_open(pid)  # it lives, since it waits
    with suppress(OSError):
        socket.send_fds(sock, [b"\0"], [process])
    os.close(process)
    os.close(go)


def _begin(wait: int, fds: list[int], become: Callable[[list[int]], int]) -> int:
    os.read(wait, 1)
    os.close(wait)
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return become(fds)
