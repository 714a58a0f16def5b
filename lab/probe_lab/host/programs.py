"""The programs of a laboratory, each in its own process and its host's namespaces; output goes to a log of its name."""

from __future__ import annotations

import gc
import os
import resource
import runpy
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from probe_lab.host import client_faults
from probe_lab.host import namespaces as ns
from probe_lab.host.blueprint import Blueprint, find_false_helper, load_part
from probe_lab.host.child import work_and_end
from probe_lab.host.client_stub import serve_stub
from probe_lab.host.external import CensoredLeg, Site
from probe_lab.host.false_helper import serve_false_helper
from probe_lab.host.mounts import clean_environment
from probe_lab.host.others_program import Place, run_program
from probe_lab.host.process_space import keep_process_space, receive_space
from probe_lab.host.public_network import API_PORT, serve_public_network
from probe_lab.host.public_probe import PROBE_PORT, serve_public_probe
from probe_lab.host.wiring import Network
from probe_lab.lab_types import Program, VantagePoint, WireEnd
from probe_lab.pki import WEB_CA, issue, load_issuer, world_time
from probe_lab.wire.capture_files import CapturedLeg, PcapngWriter

_KNOCK_S = 0.02
_TAIL_CHARACTERS = 2000
_HELPER_PORT = 443


@dataclass(slots=True)
class ProgramCrew:
    """The programs that this process has started and how it hears from them."""

    blueprint: Blueprint
    names: dict[int, str] = field(default_factory=dict)
    """Process number -> name, of programs that must not end."""
    stops: list[int] = field(default_factory=list)
    readies: dict[int, str] = field(default_factory=dict)
    """Descriptor on which a program says that it is ready -> its name."""


def _run_child(crew: ProgramCrew, name: str, work: Callable[[], None], *, net: int, mnt: int | None) -> None:
    ns.name_process(f"lab-{name}")
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(crew.blueprint.private / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    if mnt is not None:
        ns.join(mnt, ns.NEW_MOUNT)
    ns.join(net, ns.NEW_NET)
    gc.freeze()  # what it was forked with stays
    work()


def _start(crew: ProgramCrew, name: str, work: Callable[[], None], *, net: int, mnt: int | None = None) -> int:
    """Fork a program into its namespaces; its output goes to a log of its name."""
    pid = os.fork()
    if pid:
        return pid
    work_and_end(lambda: _run_child(crew, name, work, net=net, mnt=mnt))


def _start_vital(crew: ProgramCrew, name: str, work: Callable[[int, int], None], *, net: int) -> None:
    """Start a program that says when it is ready (a byte) and ends when told to (a byte, or the end of the pipe)."""
    ready, says_ready = os.pipe()
    stop, says_stop = os.pipe()

    def with_pipes() -> None:
        os.close(ready)
        os.close(says_stop)
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a thousand servers listen in one process
        work(says_ready, stop)

    crew.names[_start(crew, name, with_pipes, net=net)] = name
    os.close(says_ready)
    os.close(stop)
    crew.readies[ready] = name
    crew.stops.append(says_stop)


@contextmanager
def _captured(legs: Mapping[str, WireEnd], folder: str) -> Iterator[dict[str, WireEnd]]:
    """The legs, each with a capture in the folder where there is one; complete at the end."""
    if not folder:
        yield dict(legs)
        return
    writers = {name: PcapngWriter(Path(folder) / f"{name}.pcapng", interface=name) for name in legs}
    try:
        yield {name: CapturedLeg(leg, writers[name]) for name, leg in legs.items()}
    finally:
        for writer in writers.values():
            writer.close()


def start_router(crew: ProgramCrew, network: Network, site: Site | None) -> None:
    """Start the router, here in the namespace without a network of its own."""
    drawn = crew.blueprint.drawn

    def work(ready: int, stop: int) -> None:
        # Captured are the hosts' own wires: the client's shows what is left when a censor of others has acted.
        with _captured(network.legs, crew.blueprint.pcap_dir) as legs:
            if site is not None:
                legs["client"] = CensoredLeg(legs["client"], site)
            load_part(crew.blueprint.parts.router)(
                drawn.world,
                drawn.rules,
                drawn.faults,
                legs,
                str(crew.blueprint.log_path),
                stop_fd=stop,
                ready_fd=ready,
                fronts=drawn.fronts,
                carrier=drawn.carrier,
            )

    _start_vital(crew, "router", work, net=ns.open_own("net"))


def start_servers(crew: ProgramCrew, network: Network) -> None:
    """Start every server there is."""
    blueprint = crew.blueprint

    def work(ready: int, stop: int) -> None:
        serve = load_part(blueprint.parts.servers)
        serve(
            blueprint.drawn, str(blueprint.log_path), ready_fd=ready, stop_fd=stop, ca_dir=str(blueprint.pki)
        )

    _start_vital(crew, "servers", work, net=network.servers)


def start_stub(crew: ProgramCrew, *, net: int) -> None:
    """Start the forwarder of DNS on the client itself."""
    drawn = crew.blueprint.drawn
    upstream = client_faults.network_resolver(drawn.faults, drawn.world)

    def work(ready: int, _stop: int) -> None:
        serve_stub(listen=client_faults.STUB, upstream=upstream, ready_fd=ready)

    _start_vital(crew, "stub", work, net=net)


def start_program(crew: ProgramCrew, name: str, orders: Program, *, net: int) -> None:
    """Start a program of others: the `censor` on the client's path, or a `front` in the servers' network."""
    private = crew.blueprint.private
    place = Place(name=name, folder=private / name, log=private / f"{name}.log")
    place.folder.mkdir()
    _leave_certificates(crew.blueprint, orders, place.folder)

    def work(ready: int, stop: int) -> None:
        run_program(orders, place, ready_fd=ready, stop_fd=stop)

    _start_vital(crew, name, work, net=net)


def _leave_certificates(blueprint: Blueprint, orders: Program, folder: Path) -> None:
    """A file `NAME.pem` for each name that a program asks for."""
    if not orders.certificates:
        return
    issuer = load_issuer(blueprint.pki / f"{WEB_CA}.pem", blueprint.pki / f"{WEB_CA}.key")
    now = world_time(blueprint.drawn.world.clock_shift_s)
    for name in orders.certificates:
        (folder / f"{name}.pem").write_bytes(issue(issuer, names=(name,), now=now))


def start_process_space(crew: ProgramCrew, *, net: int, mnt: int) -> int:
    """Start the keeper of the client's process namespace; the namespace's descriptor."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with near, far:
        name = "client"
        crew.names[_start(crew, name, lambda: _keep(near, far), net=net, mnt=mnt)] = name
        far.close()
        return receive_space(near)


def _keep(near: socket.socket, far: socket.socket) -> None:
    near.close()
    keep_process_space(far)


def _knock(address: str, port: int, says_ready: int) -> None:
    """Connect until someone listens; whoever waits sets the limit."""
    while True:
        with suppress(OSError):
            socket.create_connection((address, port), timeout=1).close()
            os.write(says_ready, b"\0")
            return
        time.sleep(_KNOCK_S)


def start_helper(crew: ProgramCrew, vantage: VantagePoint, *, net: int, mnt: int) -> None:
    """Start the test helper of a vantage point; it is ready once a connection succeeds."""
    blueprint = crew.blueprint
    credentials = blueprint.pki / "helpers" / vantage.control_id
    files = {"certificate": f"{credentials}.pem", "key": f"{credentials}.key"}
    errs = find_false_helper(blueprint, vantage)

    def run_true(place: str, *options: str) -> None:
        sys.argv = [*blueprint.parts.helper, "--listen", place, "--no-rate-limit", *options]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)

    def work() -> None:
        variables = clean_environment(os.environ)
        os.environ.clear()
        os.environ.update(variables)
        if errs is not None:
            serve_false_helper(errs, address=vantage.ipv4, port=_HELPER_PORT, run_true=run_true, **files)
        run_true(f"{vantage.ipv4}:{_HELPER_PORT}", "--certificate", files["certificate"], "--key", files["key"])

    _start_listener(crew, f"helper-{vantage.control_id}", work, vantage.ipv4, _HELPER_PORT, net=net, mnt=mnt)


def _start_listener(crew: ProgramCrew, name: str, work: Callable[[], None], address: str, port: int, *, net: int,
                    mnt: int) -> None:
    """Start a program; the laboratory is ready when somebody listens there."""
    crew.names[_start(crew, name, work, net=net, mnt=mnt)] = name
    ready, says_ready = os.pipe()
    _start(crew, f"{name}-knock", lambda: _knock(address, port, says_ready), net=net)
    os.close(says_ready)
    crew.readies[ready] = name


def start_public_network(crew: ProgramCrew, spaces: Mapping[str, int]) -> None:
    """Start a public network of probes, if there is one: a probe at each vantage point, and its server at the first.
    `spaces`: the hosts' namespaces."""
    blueprint = crew.blueprint
    vantages, style = blueprint.drawn.world.vantages, blueprint.public_network
    if style is None:
        return

    def start(name: str, work: Callable[[], None], vantage: VantagePoint, port: int) -> None:
        _start_listener(crew, name, work, vantage.ipv4, port, net=spaces[f"{vantage.control_id}.net"],
                        mnt=spaces[f"{vantage.control_id}.mnt"])

    for vantage in vantages:
        start(f"public-{vantage.control_id}", partial(serve_public_probe, vantage.ipv4), vantage, PROBE_PORT)
    credentials = blueprint.pki / "helpers" / vantages[0].control_id

    def work() -> None:
        serve_public_network(vantages, style, client_cc=blueprint.drawn.world.cc, certificate=f"{credentials}.pem",
                             key=f"{credentials}.key", log=blueprint.public_log)

    start("public-network", work, vantages[0], API_PORT)


def last_words(crew: ProgramCrew, name: str) -> str:
    """The end of a program's log; empty where it has none."""
    try:
        text = (crew.blueprint.private / f"{name}.log").read_text(errors="replace")
    except OSError:
        return ""
    return text[-_TAIL_CHARACTERS:].strip()
