"""Every server of the laboratory in one process: names, web, TLS, QUIC, TCP, UDP, the places of censors.

Written from protocol facts alone; nothing here knows how the program under test asks or judges.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from probe.catalogue.load import load_catalogue
from probe.core.endpoints import Endpoint
from probe_lab.lab_types import DrawnScenario
from probe_lab.servers.dispatch import Servers
from probe_lab.servers.faults import Faults
from probe_lab.servers.listeners import plan_datagrams, plan_listeners, plan_quic
from probe_lab.truth import TruthLog


@cache
def catalogue_rows() -> Sequence[Endpoint]:
    """The rows that are served unless others are given; read once a process, and in those that it forks not at all."""
    return load_catalogue().endpoints


def serve(
    drawn: DrawnScenario,
    log_path: str,
    ready_fd: int,
    stop_fd: int,
    ca_dir: str,
    endpoints: Sequence[Endpoint] | None = None,
) -> None:
    """Run every server of a scenario in the current network namespace until `stop_fd` becomes readable.

    Writes one byte to `ready_fd` when all listeners are up. Lies of the resolver go to the truth log at
    `log_path`; `ca_dir` is what `make_pki` made. Without `endpoints` the catalogue is served.
    Raises OSError where an address cannot be bound. A defect in any server ends them all with its exception:
    a laboratory that is broken must not look like a censored one.
    """
    rows = catalogue_rows() if endpoints is None else endpoints
    log = TruthLog(log_path)
    try:
        asyncio.run(_serve(drawn, rows, log, ready_fd=ready_fd, stop_fd=stop_fd, ca_dir=Path(ca_dir)))
    finally:
        log.close()


async def _serve(
    drawn: DrawnScenario, endpoints: Sequence[Endpoint], log: TruthLog, *, ready_fd: int, stop_fd: int, ca_dir: Path
) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(stop_fd, stopped.set)
    defects: list[BaseException] = []

    def fail(_: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        defect = context.get("exception")
        defects.append(defect if isinstance(defect, BaseException) else RuntimeError(str(context.get("message"))))
        stopped.set()

    loop.set_exception_handler(fail)
    faults = Faults(drawn.faults, seed=drawn.seed)
    servers = Servers(drawn.world, faults, log, ca_dir=ca_dir)
    try:
        tcp = plan_listeners(drawn, endpoints, faults)
        quic = plan_quic(drawn, endpoints, faults, tcp=tcp)
        servers.start(tcp, plan_datagrams(drawn, endpoints, faults), quic)
        os.write(ready_fd, b"\0")
        await stopped.wait()
    finally:
        loop.remove_reader(stop_fd)
        servers.close()
    if defects:
        raise defects[0]
