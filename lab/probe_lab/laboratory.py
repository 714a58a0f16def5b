"""A laboratory from the outside: build it, run programs on its client side, take it down."""

from __future__ import annotations

import importlib.util
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import probe
from probe_lab.format.needs import explain_lacking_needs
from probe_lab.host.blueprint import Blueprint, Parts, encode
from probe_lab.host.censor_watch import CensorWatch
from probe_lab.host.client_faults import change_environment
from probe_lab.host.directory import make_directory, remove_directory, sweep
from probe_lab.host.enter import CANNOT_EXECUTE
from probe_lab.host.mounts import clean_environment
from probe_lab.host.others_program import environment as censor_environment
from probe_lab.host.program_call import Call, call_program
from probe_lab.host.public_network import PublicStyle
from probe_lab.host.warm import WarmInterpreter
from probe_lab.lab_errors import INSTALL, LabFailed, LabUnavailable
from probe_lab.lab_types import DrawnScenario

__all__ = ["CLIENT", "LEVELS", "LabFailed", "LabUnavailable", "Laboratory", "explain_unavailable", "make_probe_command"]

LEVELS = ("socket", "packet")
"""Evidence that the client can gather: what sockets say, or packets as well."""

CLIENT = "client"
"""The host that `run` means unless told otherwise."""

_START_S = 90.0
_STOP_S = 15.0
_NEWS_S = 1.0
_MESSAGE_BYTES = 1 << 16
_MOST_NAMESPACES = 200
_COUNT_S = 60.0
_ENTER = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from probe_lab.host.enter import main; sys.exit(main(sys.argv[2:]))"
)

_TELLING_VARIABLES = frozenset(("SUDO_COMMAND", "PYTEST_CURRENT_TEST"))
"""They would tell a program under test what it is being tested with."""

Stream = int | IO[bytes] | None


def _launch_command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "probe_lab.host.launch", *arguments]


def _launch_environment() -> dict[str, str]:
    """The present environment, in which a new interpreter finds the same modules."""
    path = os.pathsep.join([*package_roots(), *map(os.path.abspath, filter(None, sys.path))])
    return {**os.environ, "PYTHONPATH": path}


def make_probe_command() -> tuple[str, ...]:
    """How this very program is called."""
    return (sys.executable, "-P", "-m", "probe")


def package_roots() -> tuple[str, ...]:
    """Where the laboratory and the probe are imported from, which need not be installed."""
    return tuple(dict.fromkeys(str(Path(file).resolve().parents[1]) for file in (__file__, str(probe.__file__))))


def start_warm() -> WarmInterpreter:
    """An interpreter from which laboratories are forked, for a `with` block; see `probe_lab.host.warm`."""
    return WarmInterpreter(_launch_environment())


@cache
def explain_unavailable() -> str:
    """Why this machine cannot build a laboratory and what to do about it; empty if it can. Asked once a process."""
    if importlib.util.find_spec("pyroute2") is None:
        return f"it needs pyroute2; in a checkout of the project run: {INSTALL}"
    done = subprocess.run(
        _launch_command("--check"),
        env=_launch_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_START_S,
        check=False,
    )
    if done.returncode != 0:
        return f"the check of this machine failed: {done.stderr.strip()[-500:]}"
    return done.stdout.strip()


class Laboratory:
    """One scenario, alive between `with` and its end.

    Entering raises LabUnavailable where the machine cannot build one and LabFailed where a part does not start.
    When the block ends, or this process in any way, nothing is left: processes, namespaces, mounts, files.
    """

    def __init__(
        self,
        drawn: DrawnScenario,
        *,
        level: str = "socket",
        helpers: bool = True,
        pcap_dir: str | os.PathLike[str] | None = None,
        transport: str = "",
        parts: Parts | None = None,
        warm: WarmInterpreter | None = None,
        public_network: PublicStyle | None = None,
    ) -> None:
        """Describe a laboratory; `public_network` says how a public network of probes behaves, if there is one;
        `pcap_dir` receives captures of its wires, `transport` (tun, veth) is for tests,
        `warm` an interpreter (see `warm`) to fork it from: worth it for many."""
        if level not in LEVELS:
            raise ValueError(f"evidence level {level!r} is none of {', '.join(LEVELS)}")
        self.level = level
        self.drawn = drawn
        self._helpers = helpers
        self._pcap_dir = "" if pcap_dir is None else os.path.abspath(pcap_dir)
        self._transport = transport
        self._parts = parts or Parts()
        self._warm = warm
        self._public_network = public_network
        self._lock = threading.Lock()
        self._broken = ""
        self._spaces: dict[str, int] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._launcher = -1
        """Descriptor of the process that builds it."""
        self._censor_watch: CensorWatch | None = None

    def __enter__(self) -> Self:
        """Build it; returns when every server, the router, every helper and the censor is up."""
        programs = (self.drawn.censor, self.drawn.front_program)
        missing = explain_lacking_needs(name for program in programs if program for name in program.needs)
        if missing:
            raise LabUnavailable(f"scenario {self.drawn.name}: {missing}")
        sweep()
        directory, lock = make_directory()
        self._blueprint = Blueprint(
            drawn=self.drawn,
            directory=str(directory),
            transport=self._transport,
            helpers=self._helpers,
            pcap_dir=self._pcap_dir,
            parts=self._parts,
            public_network=self._public_network,
        )
        self._errors = self._blueprint.private / "launch.log"
        try:
            self._blueprint.private.mkdir()
            self._blueprint.shared.mkdir()
            self._launch(lock)
            self._await_ready()
            self._censor_watch = self._watch_censor()
        except BaseException:
            self._take_down()
            raise
        finally:
            os.close(lock)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it down; the truth log goes with it, captures in `pcap_dir` are complete."""
        self._take_down()

    def end_now(self) -> None:
        """Kill all that runs inside, within the block: for who cannot wait for the programs in it."""
        if self._launcher >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._launcher, signal.SIGKILL)

    @property
    def directory(self) -> Path:
        """A directory that both sides see; removed at the end."""
        return self._blueprint.shared

    @property
    def log_path(self) -> Path:
        """The truth log (see `probe_lab.truth.read_log`); gone when the laboratory ends."""
        return self._blueprint.log_path

    def read_public_log(self) -> list[dict[str, object]]:
        """What the public network was asked so far, in order; gone when the laboratory ends."""
        path = self._blueprint.public_log
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def check(self) -> None:
        """Raise LabFailed if a part of the laboratory has ended since it was built."""
        with self._lock:
            if not self._broken:
                with suppress(BlockingIOError):
                    self._broken = self._failure(self._control.recv(_MESSAGE_BYTES))
            if self._broken:
                raise LabFailed(self._broken)

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float,
        stdin: Stream = None,
        stdout: Stream = subprocess.PIPE,
        stderr: Stream = subprocess.PIPE,
        cwd: str | os.PathLike[str] | None = None,
        host: str = CLIENT,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program on the client (or on `host`: a vantage point, `servers`) and pass its exit status or signal on.

        The environment (default: the present one) loses variables that name proxies and roots of trust. Several
        threads may run programs at once. Raises subprocess.TimeoutExpired after `timeout_s`, LabFailed when a part
        of the laboratory ended before or meanwhile. A program that does not exist gives status 127.
        """
        with self.start(
            argv, env=env, stdin=stdin, stdout=stdout, stderr=stderr, cwd=cwd, host=host
        ) as process:
            try:
                out, err = process.communicate(timeout=timeout_s)
            except BaseException:
                process.kill()  # and the kernel then the program
                raise
        return self._settled(subprocess.CompletedProcess(list(argv), process.returncode, out, err))

    def run_probe(
        self, arguments: Sequence[str], *, env: Mapping[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[bytes]:
        """Run this very program on the client, as `run` does; forked from the `start_warm` interpreter if there is
        one."""
        if self._warm is None:
            return self.run([*make_probe_command(), *arguments], env=env, timeout_s=timeout_s)
        self.check()
        call = Call(arguments=tuple(arguments), environment=self._variables(env), directory=os.getcwd(),
                    level=self.level, uid=os.geteuid(), gid=os.getegid())
        return self._settled(call_program(self._warm, call, self._spaces_of(CLIENT), timeout_s=timeout_s))

    def _settled(self, done: subprocess.CompletedProcess[bytes]) -> subprocess.CompletedProcess[bytes]:
        if done.returncode in (CANNOT_EXECUTE, -signal.SIGKILL):
            # What ends with its laboratory may end before the news of it is here.
            select.select([self._control], [], [], _NEWS_S)
        self.settle()
        return done

    def _spaces_of(self, host: str) -> tuple[int, int, int, int]:
        """Descriptors of its user (may be -1), network, mount and process namespace."""
        space = self._spaces
        return space["user"], space[f"{host}.net"], space[f"{host}.mnt"], space.get(f"{host}.pid", space["pid"])

    def _variables(self, env: Mapping[str, str] | None, host: str = CLIENT) -> dict[str, str]:
        variables = clean_environment(os.environ if env is None else env)
        if host == CLIENT:
            variables = change_environment(variables, self.drawn.faults)
        return {name: value for name, value in variables.items() if name not in _TELLING_VARIABLES}

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        stdin: Stream = None,
        stdout: Stream = None,
        stderr: Stream = None,
        cwd: str | os.PathLike[str] | None = None,
        host: str = CLIENT,
    ) -> subprocess.Popen[bytes]:
        """Start a program as `run` does; signals sent to the process that is returned reach the program.

        Call `settle` when it has ended.
        """
        self.check()
        fds = self._spaces_of(host)
        level = self.level if host == CLIENT else "packet"
        identity = (level, str(os.geteuid()), str(os.getegid()))
        command = [sys.executable, "-I", "-S", "-c", _ENTER, package_roots()[0], *map(str, fds), *identity, *argv]
        return subprocess.Popen(
            command,
            env=self._variables(env, host),
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=[fd for fd in fds if fd >= 0],
        )

    def settle(self) -> None:
        """Bring the truth log up to date. Raises LabFailed if a part of the laboratory has ended."""
        self.check()
        if self._censor_watch is not None:
            self._censor_watch.look()

    def _watch_censor(self) -> CensorWatch | None:
        censor, private = self.drawn.censor, self._blueprint.private
        if censor is None:
            return None
        return CensorWatch(censor, output=private / "censor.log", truth=self.log_path, run=self._beside_censor)

    def _beside_censor(self, line: str) -> str:
        """What a shell command prints in the censor's namespace."""
        env = censor_environment(self._blueprint.private / "censor", os.environ)
        command = ["sh", "-c", line]
        with self.start(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, host="censor") as process:
            out, err = process.communicate(timeout=_COUNT_S)
        if process.returncode != 0:
            self.check()
            raise LabFailed(f"`{line}` failed: {err.decode(errors='replace').strip()[-500:]}")
        return out.decode()

    def _launch(self, lock: int) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        owner = os.pidfd_open(os.getpid())
        fds = (theirs.fileno(), owner, lock)
        try:
            with open(self._errors, "wb") as errors, tempfile.TemporaryFile() as blueprint:
                blueprint.write(encode(self._blueprint))
                blueprint.seek(0)
                if self._warm is not None:
                    self._launcher = self._warm.launch((*fds, errors.fileno(), blueprint.fileno()))
                    return
                self._process = subprocess.Popen(
                    _launch_command(*map(str, fds)),
                    env=_launch_environment(),
                    stdin=blueprint,
                    stdout=errors,
                    stderr=errors,
                    pass_fds=fds,
                    start_new_session=True,  # a Ctrl-C at the terminal is for the program inside
                )
                self._launcher = os.pidfd_open(self._process.pid)
        finally:
            theirs.close()
            os.close(owner)

    def _await_ready(self) -> None:
        self._control.settimeout(_START_S)
        try:
            data, fds, _, _ = socket.recv_fds(self._control, _MESSAGE_BYTES, _MOST_NAMESPACES)
        except TimeoutError:
            raise LabFailed(f"the laboratory did not start in {_START_S:.0f} s") from None
        self._control.setblocking(False)
        failure = self._failure(data)
        if failure:
            raise (LabUnavailable if json.loads(data or b"{}").get("status") == "unavailable" else LabFailed)(failure)
        self._spaces = dict(zip(json.loads(data)["names"], fds, strict=True))
        # One cannot join the user namespace one is in already: as root there is no other.
        if os.fstat(self._spaces["user"]).st_ino == os.stat("/proc/self/ns/user").st_ino:
            os.close(self._spaces["user"])
            self._spaces["user"] = -1

    def _failure(self, data: bytes) -> str:
        """What a message of the laboratory says went wrong; "" for one that says all is ready."""
        if data:
            message: dict[str, str] = json.loads(data)
            return message.get("text", "")
        with suppress(OSError):
            last = self._errors.read_text(errors="replace").strip()[-2000:]
            return f"the laboratory ended without notice: {last or 'no message'}"
        return "the laboratory ended without notice"

    def _take_down(self) -> None:
        for fd in self._spaces.values():
            if fd >= 0:
                os.close(fd)
        self._spaces = {}
        if hasattr(self, "_control"):
            with suppress(OSError):
                self._control.send(b"stop")
            self._control.close()
        if self._launcher >= 0:
            if not select.select([self._launcher], [], [], _STOP_S)[0]:
                signal.pidfd_send_signal(self._launcher, signal.SIGKILL)  # the kernel then kills everything inside
                select.select([self._launcher], [], [])
            os.close(self._launcher)
            self._launcher = -1
        if self._process is not None:
            self._process.wait()
        remove_directory(Path(self._blueprint.directory))
