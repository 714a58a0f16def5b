"""The process that builds a laboratory: it leaves the machine's namespaces, wires the network, and starts process 1.

It is a fresh interpreter (`python -m probe_lab.host.launch`), or forked from one that has done nothing but import
(`probe_lab.host.warm`), because a process with several threads may not make a user namespace. It outlives everything
inside, and removes the laboratory's directory when all is over, also when the owner was killed.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import traceback
from importlib import import_module
from pathlib import Path

from probe_lab.host import namespaces as ns
from probe_lab.host.blueprint import Blueprint, decode, load_part, running_helpers
from probe_lab.host.child import work_and_end
from probe_lab.host.directory import remove_directory
from probe_lab.host.mounts import make_private
from probe_lab.host.preload import modules_of
from probe_lab.lab_errors import LabFailed, LabUnavailable, namespace_advice


def _start_pki(blueprint: Blueprint) -> int:
    """Make the certificates in a process of its own, beside the network."""
    pid = os.fork()
    if pid:
        return pid

    def work() -> None:
        ns.die_with_parent()
        world = blueprint.drawn.world
        load_part(blueprint.parts.pki)(blueprint.pki, clock_shift_s=world.clock_shift_s, world=world)

    work_and_end(work)


def _leave_machine() -> None:
    """Enter new namespaces of every kind needed; as root with all rights, no user namespace is among them."""
    if not ns.has_capability(ns.CAP_SYS_ADMIN):
        ns.enter_new_user(uid=0, gid=0)
    ns.unshare(ns.NEW_MOUNT)
    make_private()
    ns.unshare(ns.NEW_PID | ns.NEW_NET)


def _build(blueprint: Blueprint, control: socket.socket, owner: int) -> None:
    """Build a laboratory and return when it has ended."""
    from probe_lab.host import network
    from probe_lab.host.external import make_site
    from probe_lab.host.supervise import supervise
    from probe_lab.host.wiring import wire_up

    if not network.ipv6_available():
        raise LabUnavailable("this kernel has IPv6 switched off: start it without `ipv6.disable=1`")
    blueprint.pki.mkdir()
    pki = _start_pki(blueprint)
    try:
        _leave_machine()
        world = blueprint.drawn.world
        wires = wire_up(world, transport=blueprint.transport, faults=blueprint.drawn.faults)
        site = make_site(world, transport=blueprint.transport) if blueprint.drawn.censor else None
    except OSError as error:
        raise LabUnavailable(namespace_advice(error)) from error
    if running_helpers(blueprint):
        for name in modules_of(blueprint.parts.helper[-1]):
            import_module(name)
    if os.waitpid(pki, 0)[1] != 0:
        raise LabFailed("the laboratory's certificates could not be made")
    launcher = os.pidfd_open(os.getpid())
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            ns.die_with_parent()
            if select.select([launcher], [], [], 0)[0]:
                raise LabFailed("the launching process ended")
            ns.name_process("lab-first")
            supervise(blueprint, wires, control, owner, site=site)
            status = 0
        except BaseException as error:
            _report(control, error)
        finally:
            os._exit(status)
    os.waitpid(pid, 0)


def _report(control: socket.socket, error: BaseException) -> None:
    """Tell the owner why there is no laboratory (any more)."""
    if not isinstance(error, (LabFailed, LabUnavailable)):
        traceback.print_exc()
    status = "unavailable" if isinstance(error, LabUnavailable) else "failed"
    text = str(error) if isinstance(error, (LabFailed, LabUnavailable)) else f"{type(error).__name__}: {error}"
    try:
        control.send(json.dumps({"status": status, "text": text}).encode())
    except OSError:  # the owner is gone
        return


def check_machine() -> str:
    """Why no laboratory can be built here, or ""; leaves this process in namespaces of its own."""
    from probe_lab.host import network
    from probe_lab.host.wiring import try_wire

    if not network.ipv6_available():
        return "this kernel has IPv6 switched off: start it without `ipv6.disable=1`"
    try:
        _leave_machine()
        try_wire()
    except LabUnavailable as error:
        return str(error)
    except OSError as error:
        return namespace_advice(error)
    return ""


def main(arguments: list[str]) -> int:
    """`CONTROL OWNER` (a socket, a process descriptor) with a blueprint on standard input; or `--check`."""
    if arguments == ["--check"]:
        print(check_machine())
        return 0
    control, owner, lock = map(int, arguments)
    return launch(control, owner, lock, sys.stdin.buffer.read())


def launch(control_fd: int, owner: int, lock: int, blueprint_json: bytes) -> int:
    """Build what the blueprint says and return when it has ended, and its directory is gone; the exit status.

    `control_fd`: a socket to the owner; `owner`: a descriptor of its process; `lock`: held as long as this lives.
    """
    for fd in (control_fd, owner, lock):
        os.set_inheritable(fd, False)
    ns.name_process("lab-launch")
    control = socket.socket(fileno=control_fd)
    blueprint = decode(blueprint_json)
    try:
        _build(blueprint, control, owner)
    except BaseException as error:
        _report(control, error)
        return 1
    finally:
        remove_directory(Path(blueprint.directory))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
