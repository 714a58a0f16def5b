"""The censor's own process: it runs what a scenario says in the censor's namespace, and watches over it."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from probe_lab.format.needs import search_path
from probe_lab.host.mounts import clean_environment
from probe_lab.host.namespaces import die_with_parent
from probe_lab.lab_types import Censor

_SETUP_S = 60.0
_QUEUES_S = 60.0
_STOP_S = 3.0
_LOOK_S = 0.05
_QUEUE = re.compile(r"--queue-num (\d+)|--queue-balance (\d+)|\bqueue(?: flags \w+)?(?: to| num) (\d+)")


def environment(folder: Path, outer: Mapping[str, str]) -> dict[str, str]:
    """The variables of the censor's programs; iptables gets a lock of its own, for /run is not everyone's."""
    added = {"PATH": search_path(), "XTABLES_LOCKFILE": str(folder / "xtables.lock"), "LC_ALL": "C"}
    return {**clean_environment(outer), **added}


def censor(orders: Censor, folder: Path, *, ready_fd: int, stop_fd: int) -> None:
    """Set up, start the program, and stay until `stop_fd` becomes readable; a byte to `ready_fd` once it censors.

    Command lines are the shell's; they run in `folder`, which is empty at first. Whatever they print is this
    process's output. Exits with a message when a command fails or the program ends before its time.
    """
    env = environment(folder, os.environ)
    for line in orders.setup:
        _set_up(line, folder, env)
    program = _start(orders.program, folder, env) if orders.program else None
    _await_queues(program, orders.program, folder, env)
    os.write(ready_fd, b"\0")
    if program is None:
        select.select([stop_fd], [], [])
        return
    ended = os.pidfd_open(program.pid)
    if stop_fd not in select.select([stop_fd, ended], [], [])[0]:
        sys.exit(_died(orders.program, program.wait()))
    program.terminate()
    with suppress(subprocess.TimeoutExpired):
        program.wait(_STOP_S)


def _set_up(line: str, folder: Path, env: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(
            ["sh", "-c", line], cwd=folder, env=env, stdin=subprocess.DEVNULL, timeout=_SETUP_S, check=False
        )
    except subprocess.TimeoutExpired:
        sys.exit(f"the censor's command did not end in {_SETUP_S:.0f} s: {line}")
    if done.returncode != 0:
        sys.exit(f"the censor's command ended with status {done.returncode}: {line}")


def _start(line: str, folder: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # `exec`, so that a signal for the shell reaches the program.
    return subprocess.Popen(
        ["sh", "-c", f"exec {line}"], cwd=folder, env=env, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent
    )


def _died(line: str, status: int) -> str:
    how = f"by signal {-status}" if status < 0 else f"with status {status}"
    return f"the censor's program ended {how}: {line}"


def _await_queues(
    program: subprocess.Popen[bytes] | None, line: str, folder: Path, env: Mapping[str, str]
) -> None:
    """Wait until somebody listens to each queue that packets are sent to: until then the kernel drops them."""
    wanted = _queues_wanted(folder, env)
    deadline = time.monotonic() + _QUEUES_S
    while not wanted <= _queues_bound():
        if program is not None and program.poll() is not None:
            sys.exit(_died(line, program.returncode))
        if time.monotonic() > deadline:
            sys.exit(f"nobody listens to netfilter queue {min(wanted)} after {_QUEUES_S:.0f} s")
        time.sleep(_LOOK_S)


def _queues_wanted(folder: Path, env: Mapping[str, str]) -> set[int]:
    line = "iptables-save; ip6tables-save; nft list ruleset"
    done = subprocess.run(
        ["sh", "-c", line], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, check=False,
    )
    return {int(number) for groups in _QUEUE.findall(done.stdout) for number in groups if number}


def _queues_bound() -> set[int]:
    try:
        lines = Path("/proc/self/net/netfilter/nfnetlink_queue").read_text().splitlines()
    except OSError:
        return set()
    return {int(line.split()[0]) for line in lines if line.strip()}
