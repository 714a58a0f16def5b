"""The first process inside a laboratory: it starts the programs, watches them, and takes all with it when it ends.

It is process 1 of a process namespace, so when it ends, however it ends, the kernel kills everything inside.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from probe_lab.host import client_faults
from probe_lab.host import namespaces as ns
from probe_lab.host.blueprint import Blueprint, running_helpers
from probe_lab.host.browser_trust import trust_in_browsers
from probe_lab.host.external import Site
from probe_lab.host.mounts import cover_host_files, remount_proc
from probe_lab.host.programs import (
    ProgramCrew,
    last_words,
    start_helper,
    start_process_space,
    start_program,
    start_public_network,
    start_router,
    start_servers,
    start_stub,
)
from probe_lab.host.seclusion import seclude
from probe_lab.host.wiring import Network
from probe_lab.lab_errors import LabFailed
from probe_lab.pki import WEB_CA

_READY_S = 60.0
"""Generous: ten laboratories may start at once on one slow core."""
_STOP_S = 5.0
_PUBLIC_RESOLVER = "8.8.8.8"


class _Ended(Exception):
    """The owner is done with the laboratory, or is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watch:
    """What process 1 listens to."""

    crew: ProgramCrew
    poller: select.poll
    control: int
    """The socket to the owner; readable when it says stop or is gone."""
    owner: int
    """Descriptor of the owner's process; readable once it has ended."""
    wake: int
    """Readable when a child has ended."""


def _watch(crew: ProgramCrew, *, control: int, owner: int) -> _Watch:
    wake = _listen_for_children()
    poller = select.poll()
    for fd in (control, owner, wake):
        poller.register(fd, select.POLLIN)
    return _Watch(crew=crew, poller=poller, control=control, owner=owner, wake=wake)


def _dressed(
    crew: ProgramCrew,
    name: str,
    *,
    net: int,
    resolver: str,
    secluded: bool = False,
    upstream: str = "",
    roots: Sequence[str] = (WEB_CA,),
) -> int:
    """A mount namespace with the files of a host, perhaps without any laboratory's; this process comes back to its own.
    """
    blueprint = crew.blueprint
    marker = json.dumps({"lab": True, "clock_shift_s": blueprint.drawn.world.clock_shift_s})
    home = ns.open_own("mnt")
    ns.unshare(ns.NEW_MOUNT)
    with ns.visiting_net(net):  # what /sys shows is decided when it is mounted
        cover_host_files(
            scratch=blueprint.private / f"files-{name}",
            pki=blueprint.pki,
            resolver=resolver,
            marker=marker,
            upstream=upstream,
            roots=roots,
        )
    if secluded:
        trust_in_browsers(blueprint.private / "browsers", blueprint.pki / "ca.pem")
        seclude(blueprint.shared)
    dressed = ns.open_own("mnt")
    ns.join(home, ns.NEW_MOUNT)
    os.close(home)
    return dressed


def _dressed_client(crew: ProgramCrew, *, net: int) -> int:
    """The mount namespace of the client, with the faults of its own machine."""
    faults, world = crew.blueprint.drawn.faults, crew.blueprint.drawn.world
    if client_faults.without_timestamps(faults):
        with ns.visiting_net(net):
            Path("/proc/sys/net/ipv4/tcp_timestamps").write_text("0")
    return _dressed(
        crew,
        "client",
        net=net,
        resolver=client_faults.resolver_of(faults, world),
        secluded=True,
        upstream=client_faults.network_resolver(faults, world) if client_faults.has_stub(faults) else "",
        roots=client_faults.system_roots(faults),
    )


def _reap(watch: _Watch) -> list[str]:
    """Collect every child that has ended; the names of those that must not."""
    with suppress(BlockingIOError):
        os.read(watch.wake, 4096)
    ended = []
    with suppress(ChildProcessError):
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            if pid in watch.crew.names:
                ended.append(watch.crew.names.pop(pid))
    return ended


def _listen(watch: _Watch, timeout_s: float | None) -> list[int]:
    """Wait for news; the descriptors of programs that say they are ready. Raises when it is over, either way."""
    ready = []
    for fd, _ in watch.poller.poll(None if timeout_s is None else max(0, timeout_s * 1000)):
        if fd in (watch.owner, watch.control):
            raise _Ended
        if fd == watch.wake:
            for name in _reap(watch):
                how = "did not start" if name in watch.crew.readies.values() else "ended"
                raise LabFailed(f"the laboratory's {name} {how}: {last_words(watch.crew, name) or 'no message'}")
        else:
            ready.append(fd)
    return ready


def _await_ready(watch: _Watch) -> None:
    crew = watch.crew
    deadline = time.monotonic() + _READY_S
    for fd in crew.readies:
        watch.poller.register(fd, select.POLLIN)
    while crew.readies:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise LabFailed(f"the laboratory was not ready after {_READY_S:.0f} s")
        for fd in _listen(watch, left_s):
            watch.poller.unregister(fd)
            name = crew.readies.pop(fd)
            said = os.read(fd, 1)
            os.close(fd)
            if not said:
                raise LabFailed(f"the laboratory's {name} did not start: {last_words(crew, name) or 'no message'}")


def _end(watch: _Watch) -> None:
    """Let the programs that can be told write out what they hold."""
    for fd in watch.crew.stops:
        with suppress(OSError):
            os.write(fd, b"\0")
        os.close(fd)
    deadline = time.monotonic() + _STOP_S
    waiting = {"router", "servers", "censor", "front"}
    while waiting & set(watch.crew.names.values()) and (left_s := deadline - time.monotonic()) > 0:
        select.select([watch.wake], [], [], left_s)
        _reap(watch)


def _listen_for_children() -> int:
    """A descriptor that is readable when a child has ended."""
    wake, wakes = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    return wake


def supervise(
    blueprint: Blueprint, network: Network, control: socket.socket, owner: int, *, site: Site | None = None
) -> None:
    """Run the laboratory until its owner says so over the control socket, closes it, or ends.

    Answers on the control socket when all is ready, with the namespaces' descriptors. Raises LabFailed when a
    program ends before its time, LabUnavailable and OSError when the machine refuses.
    """
    remount_proc()
    crew = ProgramCrew(blueprint)
    watch = _watch(crew, control=control.fileno(), owner=owner)
    world = blueprint.drawn.world
    helpers = running_helpers(blueprint)
    start_router(crew, network, site)
    start_servers(crew, network)
    if blueprint.drawn.front_program is not None:
        start_program(crew, "front", blueprint.drawn.front_program, net=network.servers)
    spaces = {"user": ns.open_own("user"), "pid": ns.open_own("pid")}
    spaces |= {"servers.net": network.servers, "servers.mnt": ns.open_own("mnt")}
    spaces["client.net"] = network.client
    spaces["client.mnt"] = mnt = _dressed_client(crew, net=network.client)
    if client_faults.has_stub(blueprint.drawn.faults):
        start_stub(crew, net=network.client)
    spaces["client.pid"] = start_process_space(crew, net=network.client, mnt=mnt)
    if site is not None:
        spaces |= {"censor.net": site.net, "censor.mnt": ns.open_own("mnt")}
        if blueprint.drawn.censor is not None:
            start_program(crew, "censor", blueprint.drawn.censor, net=site.net)
    for vantage in world.vantages:
        name, net = vantage.control_id, network.vantages[vantage.control_id]
        spaces[f"{name}.net"] = net
        spaces[f"{name}.mnt"] = mnt = _dressed(crew, name, net=net, resolver=_PUBLIC_RESOLVER)
        if vantage in helpers:
            start_helper(crew, vantage, net=net, mnt=mnt)
    start_public_network(crew, spaces)
    try:
        _await_ready(watch)
        message = json.dumps({"status": "ready", "names": list(spaces)}).encode()
        socket.send_fds(control, [message], list(spaces.values()))
        while True:
            _listen(watch, None)
    except _Ended:
        _end(watch)
