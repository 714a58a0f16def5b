"""Laboratories forked from one interpreter that has imported everything: each starts in half the time.

    with Warm() as warm, Laboratory(drawn, warm=warm) as lab: ...

Worth it for whoever builds many. The interpreter has one thread, as the making of user namespaces demands, ends with
its owner, and what it has forked outlives it as any laboratory outlives its launcher.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from types import TracebackType
from typing import Self

from probe.lab.errors import LabFailed
from probe.lab.host.blueprint import Parts
from probe.lab.host.child import work_and_end
from probe.lab.host.launch import launch

_NEEDED = (
    "probe.lab.host.external", "probe.lab.host.network", "probe.lab.host.supervise", "probe.lab.host.wiring",
    *Parts().modules,
)
_FDS = 5
"""Control socket, owner, lock, log of errors, blueprint."""


class Warm:
    """The owner's side; several threads may ask at once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """`environment`: in which the interpreter, and all that comes from it, finds its modules."""
        self._environment = dict(environment)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Start it; it imports while others go on."""
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "probe.lab.host.warm", str(theirs.fileno())], env=self._environment,
                stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let it end; laboratories that still live are not touched."""
        self._socket.close()
        self._process.wait()

    def launch(self, fds: Sequence[int]) -> int:
        """Fork a laboratory's launcher; a descriptor of that process. Raises LabFailed when there is nobody to ask."""
        try:
            with self._lock:
                socket.send_fds(self._socket, [b"\0"], list(fds))
                data, answer, _, _ = socket.recv_fds(self._socket, 1, 1)
        except OSError as error:
            raise LabFailed(f"the interpreter that laboratories are forked from is gone: {error}") from error
        if not data or not answer:
            raise LabFailed("the interpreter that laboratories are forked from has ended")
        return answer[0]


def _fork(sock: socket.socket, fds: Sequence[int]) -> None:
    wait, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(go)
        sock.close()
        work_and_end(lambda: _become_launcher(wait, fds))
    os.close(wait)
    process = os.pidfd_open(pid)  # it lives, since it waits
    with suppress(OSError):
        socket.send_fds(sock, [b"\0"], [process])
    os.close(process)
    os.close(go)


def _become_launcher(wait: int, fds: Sequence[int]) -> int:
    """What the child does for the rest of its life; its exit status."""
    os.read(wait, 1)
    os.close(wait)
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    control, owner, lock, errors, blueprint = fds
    for target in (1, 2):
        os.dup2(errors, target)
    os.close(errors)
    with open(blueprint, "rb") as file:
        return launch(control, owner, lock, file.read())


def main(arguments: Sequence[str]) -> int:
    """`SOCKET`: fork a launcher for each message until the other end is closed."""
    sock = socket.socket(fileno=int(arguments[0]))
    for name in _NEEDED:
        import_module(name)
    gc.freeze()  # a collector that looks at all this again would copy it into every child
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    while True:
        data, fds, _, _ = socket.recv_fds(sock, 1, _FDS)
        if not data:
            return 0
        _fork(sock, fds)
        for fd in fds:
            os.close(fd)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
