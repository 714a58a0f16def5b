"""Laboratories, and the program under test, forked from interpreters that have imported everything: both start faster.

    with Warm(environment) as warm, Laboratory(drawn, warm=warm) as lab: ...

Worth it for whoever builds many. What is forked outlives the interpreter, as a laboratory outlives its launcher.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from probe_lab.host.blueprint import Parts
from probe_lab.host.fork_server import ForkServer, serve
from probe_lab.host.launch import launch
from probe_lab.host.launched import Launched
from probe_lab.host.preload import look_up_record_types, modules_of

_NEEDED = (
    "probe_lab.host.external", "probe_lab.host.network", "probe_lab.host.supervise", "probe_lab.host.wiring",
    *Parts().modules,
    "probe_lab.servers.h3", "probe_lab.servers.quic_connections",  # servers load these when they are asked for it
)


class WarmInterpreter:
    """The owner's side; several threads may ask at once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """`environment`: in which the interpreters, and all that comes from them, find their modules."""
        self._laboratories = ForkServer("probe_lab.host.warm", environment)
        self._programs = ForkServer("probe_lab.host.warm_program", environment)
        self._launched = Launched()

    def __enter__(self) -> Self:
        """Start the first; the other waits until a program is asked for."""
        self._laboratories.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let them end; laboratories that still live are not touched."""
        self._programs.close()
        self._laboratories.close()
        self._launched.close()

    def launch(self, fds: Sequence[int]) -> int:
        """Fork a laboratory's launcher from descriptors: control socket, owner, lock, log of errors, blueprint.

        A descriptor of that process; raises LabFailed when there is nobody to ask.
        """
        launcher = self._laboratories.fork(fds)
        self._launched.add(launcher)
        return launcher

    def end_laboratories(self) -> None:
        """Kill every laboratory that was forked and lives, and whatever is forked from now on: for who cannot wait.
        Their owners then find them broken, and clear up what they left."""
        self._launched.kill()

    def start_program(self, fds: Sequence[int]) -> int:
        """Fork the program under test, see `probe_lab.host.warm_program`; otherwise as `launch`."""
        return self._programs.fork(fds)


def _become_launcher(fds: Sequence[int]) -> int:
    """What a forked process does for the rest of its life; its exit status."""
    control, owner, lock, errors, blueprint = fds
    for target in (1, 2):
        os.dup2(errors, target)
    os.close(errors)
    with open(blueprint, "rb") as file:
        return launch(control, owner, lock, file.read())


def _prepare() -> None:
    from probe_lab.servers import catalogue_rows

    catalogue_rows()
    look_up_record_types()


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1:], modules=(*_NEEDED, *modules_of("helper")), prepare=_prepare, become=_become_launcher))
