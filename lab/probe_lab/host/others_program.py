"""A process that runs what others wrote, the censor's program or one in front of servers, and watches over it."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from probe_lab.format.needs import search_path
from probe_lab.host.mounts import clean_environment
from probe_lab.host.namespaces import die_with_parent
from probe_lab.lab_types import Program

_SETUP_S = 60.0
_QUEUES_S = 60.0
_WORDS_S = 60.0
_MOST_WORDS_BYTES = 1 << 20
_STOP_S = 3.0
_LOOK_S = 0.05
_QUEUE = re.compile(r"--queue-num (\d+)|--queue-balance (\d+)|\bqueue(?: flags \w+)?(?: to| num) (\d+)")


def environment(folder: Path, outer: Mapping[str, str]) -> dict[str, str]:
    """The variables of programs of others; iptables gets a lock of its own, for /run is not everyone's."""
    added = {"PATH": search_path(), "XTABLES_LOCKFILE": str(folder / "xtables.lock"), "LC_ALL": "C"}
    return {**clean_environment(outer), **added}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a program runs."""

    name: str
    """What messages call it: `censor`, `front`."""
    folder: Path
    """Its working directory, empty at first but for certificates."""
    log: Path
    """The file that its output goes to."""


def run_program(orders: Program, place: Place, *, ready_fd: int, stop_fd: int) -> None:
    """Set up, start the program, and stay until `stop_fd` becomes readable; a byte to `ready_fd` once it acts.

    Command lines are the shell's. Whatever they print is this process's output, which must go to the place's log.
    Exits with a message when a command fails or the program ends before its time.
    """
    env = environment(place.folder, os.environ)
    for line in orders.setup:
        _set_up(line, place, env)
    said = place.log.stat().st_size if orders.ready else 0
    program = _start(orders.program, place.folder, env) if orders.program else None
    _await_queues(program, orders.program, place, env)
    if program is not None and orders.ready:
        _await_words(program, orders, place, said)
    os.write(ready_fd, b"\0")
    if program is None:
        select.select([stop_fd], [], [])
        return
    ended = os.pidfd_open(program.pid)
    if stop_fd not in select.select([stop_fd, ended], [], [])[0]:
        sys.exit(_died(orders.program, program.wait(), place))
    # The shell and all that it has started: a line may be several commands.
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        program.wait(_STOP_S)


def _set_up(line: str, place: Place, env: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(
            ["sh", "-c", line], cwd=place.folder, env=env, stdin=subprocess.DEVNULL, timeout=_SETUP_S, check=False
        )
    except subprocess.TimeoutExpired:
        sys.exit(f"the {place.name}'s command did not end in {_SETUP_S:.0f} s: {line}")
    if done.returncode != 0:
        sys.exit(f"the {place.name}'s command ended with status {done.returncode}: {line}")


def _start(line: str, folder: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["sh", "-c", line], cwd=folder, env=env, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent,
        start_new_session=True,
    )


def _died(line: str, status: int, place: Place) -> str:
    how = f"by signal {-status}" if status < 0 else f"with status {status}"
    return f"the {place.name}'s program ended {how}: {line}"


def _await_words(program: subprocess.Popen[bytes], orders: Program, place: Place, said: int) -> None:
    """Wait until a line of the output, after so many bytes of it, says that the program is up."""
    ready = re.compile(orders.ready)
    deadline = time.monotonic() + _WORDS_S
    while not _has_said(ready, place.log, said):
        if program.poll() is not None:
            sys.exit(_died(orders.program, program.returncode, place))
        if time.monotonic() > deadline:
            sys.exit(f"the {place.name}'s program has not said {orders.ready!r} after {_WORDS_S:.0f} s")
        time.sleep(_LOOK_S)


def _has_said(ready: re.Pattern[str], log: Path, said: int) -> bool:
    with log.open("rb") as file:
        file.seek(said)
        lines = file.read(_MOST_WORDS_BYTES).decode(errors="replace").splitlines()
    return any(map(ready.search, lines))


def _await_queues(
    program: subprocess.Popen[bytes] | None, line: str, place: Place, env: Mapping[str, str]
) -> None:
    """Wait until somebody listens to each queue that packets are sent to: until then the kernel drops them."""
    wanted = _queues_wanted(place.folder, env)
    deadline = time.monotonic() + _QUEUES_S
    while not wanted <= _queues_bound():
        if program is not None and program.poll() is not None:
            sys.exit(_died(line, program.returncode, place))
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
