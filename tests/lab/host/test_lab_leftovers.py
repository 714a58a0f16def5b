"""However a laboratory ends, it leaves no namespace, no process, no file and no mount.

LAB_STARTS in the environment says how many are started (20 if not given).
"""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab_exercise import expected, explore, open_lab, process_space
from probe_lab.laboratory import LabFailed, Laboratory, start_warm
from project_root import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.lab]

STARTS = int(os.environ.get("LAB_STARTS", "20"))
AT_ONCE = 10
KINDS = ("net", "mnt", "pid", "user")
PATIENCE_S = 60
MARK = "LAB_OF_TEST"
"""Variable by which everything is told apart that a test's laboratories start: other tests run at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What laboratories with one mark have on this machine."""

    processes: frozenset[int]
    spaces: frozenset[str]
    """Identities of namespaces that are not this process's own."""
    files: frozenset[str]
    mounts: int
    """Mounts in this process's own namespace."""


def marked(folder: Path) -> Iterator[int]:
    """Processes that have the folder as TMPDIR, or that stand below such a process."""
    parents: dict[int, int] = {}
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if f"{MARK}={folder}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.add(int(entry.name))
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    yield from found


def traces(folder: Path) -> Traces:
    processes = frozenset(marked(folder))
    own = {os.readlink(f"/proc/self/ns/{kind}") for kind in KINDS}
    spaces: set[str] = set()
    for pid in processes:
        for kind in KINDS:
            with suppress(OSError):
                spaces.add(os.readlink(f"/proc/{pid}/ns/{kind}"))
    return Traces(
        processes=processes,
        spaces=frozenset(spaces - own),
        files=frozenset(str(path) for path in folder.rglob("*")),
        mounts=len(Path("/proc/self/mountinfo").read_text().splitlines()),
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where laboratories of this test put their files; it marks their processes, too."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv(MARK, str(tmp_path))
    return tmp_path


Started = list[subprocess.Popen[bytes]]
End = Callable[[Laboratory, Started], None]


def normally(lab: Laboratory, started: Started) -> None:
    """Do nothing."""


def by_exception(lab: Laboratory, started: Started) -> None:
    raise ZeroDivisionError


def with_programs_running(lab: Laboratory, started: Started) -> None:
    lab.run(["sh", "-c", "sleep 1000 >/dev/null 2>&1 &"], timeout_s=20)
    process = lab.start(["sh", "-c", "echo; exec sleep 1000"], stdout=subprocess.PIPE)
    started.append(process)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"\n"


def by_death_of_process_1(lab: Laboratory, started: Started) -> None:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    own = [child for child in children if first_of(int(child))]
    assert len(own) == 1
    pidfd = os.pidfd_open(first_of(int(own[0])))
    os.kill(first_of(int(own[0])), signal.SIGKILL)
    assert select.select([pidfd], [], [], PATIENCE_S)[0]
    os.close(pidfd)
    with pytest.raises(LabFailed):
        lab.run(["true"], timeout_s=20)


def first_of(launcher: int) -> int:
    """Process 1 of the laboratory that a process has launched; 0 where it has launched none."""
    with suppress(OSError):
        for child in Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split():
            if os.readlink(f"/proc/{child}/ns/pid") != os.readlink("/proc/self/ns/pid"):
                return int(child)
    return 0


ENDS: tuple[End, ...] = (
    normally, by_exception, with_programs_running, by_death_of_process_1,
)


def end_within(end: End, folder: Path) -> None:
    """A laboratory of this process that ends in some way."""
    alive: list[int] = []
    started: Started = []
    with suppress(ZeroDivisionError), open_lab() as lab:
        alive += map(os.pidfd_open, marked(folder))
        end(lab, started)
    await_ends(alive)
    for process in started:
        assert process.wait(PATIENCE_S) == -signal.SIGKILL


def await_ends(pidfds: list[int]) -> None:
    assert pidfds
    for pidfd in pidfds:
        assert select.select([pidfd], [], [], PATIENCE_S)[0], "a process outlives its laboratory"
        os.close(pidfd)


@contextmanager
def owner() -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a laboratory open."""
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    process = subprocess.Popen(
        [sys.executable, "-m", "lab_exercise", "", "socket", "hold"],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        json.loads(process.stdout.readline())
        yield process
        process.wait(PATIENCE_S)


def end_without(number: int, folder: Path) -> None:
    """A laboratory whose owner another process ends with a signal."""
    with owner() as process:
        others = [os.pidfd_open(pid) for pid in marked(folder) if pid != process.pid]
        process.send_signal(number)
        await_ends(others)


@pytest.mark.timeout(60 + 10 * STARTS)
def test_nothing_is_left_of_any_end(folder: Path, rng: random.Random) -> None:
    before = traces(folder)
    assert not before.processes
    descriptors = len(os.listdir("/proc/self/fd"))
    ways: list[End | signal.Signals] = [*ENDS, signal.SIGTERM, signal.SIGKILL]
    for number in range(STARTS):
        way = ways[number % len(ways)] if number < len(ways) else rng.choice(ways)
        if isinstance(way, signal.Signals):
            end_without(way, folder)
        else:
            end_within(way, folder)
        assert traces(folder) == before, f"after start {number}, which ended {way}"
        assert len(os.listdir("/proc/self/fd")) == descriptors, f"after start {number}, which ended {way}"


def test_nothing_is_left_of_those_forked_from_one_interpreter(folder: Path) -> None:
    before = traces(folder)
    descriptors = len(os.listdir("/proc/self/fd"))
    with start_warm() as interpreter:
        for end in (normally, by_exception, with_programs_running):
            alive: list[int] = []
            started: Started = []
            with suppress(ZeroDivisionError), open_lab(warm=interpreter) as lab:
                alive.append(os.pidfd_open(process_1(folder)))
                assert explore(lab) == expected(level="socket", tap=bool(explore(lab)["tap"]))
                end(lab, started)
            await_ends(alive)
            for process in started:
                assert process.wait(PATIENCE_S) == -signal.SIGKILL
    assert traces(folder) == before
    assert len(os.listdir("/proc/self/fd")) == descriptors


def process_1(folder: Path) -> int:
    """The first process of the laboratory's process namespace."""
    return next(first for pid in marked(folder) if (first := first_of(pid)))


def test_an_interpreter_that_has_ended_is_told(folder: Path) -> None:
    with start_warm() as interpreter:
        with open_lab(warm=interpreter) as lab:
            assert lab.run_probe(["--version"], env=dict(os.environ), timeout_s=PATIENCE_S).returncode == 0
            os.kill(interpreter_of("probe_lab.host.warm_program", folder), signal.SIGKILL)
            with pytest.raises(LabFailed, match="fork from"):
                lab.run_probe(["--version"], env=dict(os.environ), timeout_s=PATIENCE_S)
        os.kill(interpreter_of("probe_lab.host.warm", folder), signal.SIGKILL)
        with pytest.raises(LabFailed, match="fork from"), open_lab(warm=interpreter):
            pytest.fail("it was built")


def interpreter_of(module: str, folder: Path) -> int:
    """The process that runs a module; those that it has forked are its children, or nobody's."""
    (pid,) = (pid for pid in marked(folder) if module in Path(f"/proc/{pid}/cmdline").read_text().split("\0")
              and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1] == str(os.getpid()))
    return pid


def test_what_is_looked_for_is_seen_while_it_lives(folder: Path) -> None:
    before = traces(folder)
    with open_lab() as lab:
        during = traces(folder)
        assert process_space(lab) in during.spaces
        assert len(during.processes - before.processes) >= 5
        assert len({space for space in during.spaces if space.startswith("net:")}) >= 3
        assert str(lab.log_path.parent) in during.files


def test_ten_at_once_do_not_disturb_each_other(folder: Path) -> None:
    before = traces(folder)
    found: list[dict[str, object]] = []
    all_alive = threading.Barrier(AT_ONCE, timeout=100)

    def build() -> None:
        with open_lab() as lab:
            all_alive.wait()
            found.append(explore(lab))

    threads = [threading.Thread(target=build) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == AT_ONCE
    right = expected(level="socket", tap=bool(found[0]["tap"]))
    assert [each for each in found if each != right] == []
    assert traces(folder) == before


def test_a_foreign_parent_directory_is_an_error(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a directory away")
    parent = folder / "probe-lab-0"
    parent.mkdir()
    os.chown(parent, 65_534, 65_534)
    with pytest.raises(Exception, match="TMPDIR"), open_lab():
        pytest.fail("it was built")
    shutil.rmtree(parent)
