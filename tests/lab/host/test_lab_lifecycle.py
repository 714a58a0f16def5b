"""A laboratory is built under any circumstances, says what is wrong when it breaks, and leaves nothing behind."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lab_exercise import DRAWN, client, expected, explore, open_lab, process_space, tun_reason
from probe_lab.host import directory as lab_directory
from probe_lab.lab_types import Rule
from probe_lab.laboratory import LabFailed
from project_root import ROOT

pytestmark = pytest.mark.lab

PYTHON = sys.executable
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
TRANSPORTS = [pytest.param("tun", marks=pytest.mark.skipif(bool(tun_reason()), reason=tun_reason() or "open")), "veth"]


def exercise(prelude: str, *arguments: str) -> dict[str, object]:
    """The exercise, run in circumstances that a prelude makes in its process."""
    code = f"import runpy, sys\n{prelude}\nrunpy.run_module('lab_exercise', run_name='__main__', alter_sys=True)"
    command = [PYTHON, "-c", code, *arguments]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


WITHOUT_PRIVILEGES = """
import os
from probe_lab.host import namespaces as ns
if "dropped" not in os.environ and os.geteuid() == 0:
    # Root without rights is an ordinary user, but that the kernel asks for CAP_SETFCAP to map root's own number.
    for capability in set(range(41)) - {31}:
        ns.drop_capability(capability)
    os.environ["dropped"] = "yes"
    os.execv(sys.executable, sys.orig_argv)
assert not ns.has_capability(ns.CAP_SYS_ADMIN)
"""

TUN_CLOSED = """
import ctypes, os
from probe_lab.host import mounts
from probe_lab.host import namespaces as ns
if not ns.has_capability(ns.CAP_SYS_ADMIN):
    ns.enter_new_user(uid=0, gid=0)
ns.unshare(ns.NEW_MOUNT)
mounts.make_private()
ns.check(ctypes.CDLL(None, use_errno=True).mount(b"/dev/null", b"/dev/net/tun", None, 0x1000, None), "mount")
"""

TUN_CLOSED_THEN_ORDINARY = f"""
import os
if "dropped" not in os.environ:
    {TUN_CLOSED.strip().replace(chr(10), chr(10) + "    ")}
{WITHOUT_PRIVILEGES}
"""


@pytest.mark.parametrize("level", ["socket", "packet"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_ordinary_user_builds_one(transport: str, level: str) -> None:
    assert exercise(WITHOUT_PRIVILEGES, transport, level) == expected(level=level, tap=transport == "tun")


@pytest.mark.skipif(not os.path.exists("/dev/net/tun"), reason="this machine has no /dev/net/tun to close")
@pytest.mark.parametrize("prelude", [TUN_CLOSED, TUN_CLOSED_THEN_ORDINARY], ids=["root", "user"])
def test_veth_takes_over_where_tun_is_closed(prelude: str) -> None:
    assert exercise(prelude, "", "socket") == expected(level="socket", tap=False)


def test_laboratories_live_side_by_side() -> None:
    found: list[dict[str, object]] = []

    def build() -> None:
        with open_lab() as lab:
            found.append(explore(lab))

    threads = [threading.Thread(target=build) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert all(each["answers"] == found[0]["answers"] for each in found)


def inside(space: str) -> list[int]:
    """Process numbers, as seen from here, of everything in a process namespace."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.readlink(entry / "ns" / "pid") == space:
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def await_ends(pidfds: list[int], timeout_s: float = 20) -> None:
    """Wait until every process has ended."""
    for fd in pidfds:
        assert select.select([fd], [], [], timeout_s)[0], "a process outlives its laboratory"
        os.close(fd)


def test_nothing_is_left_when_it_ends() -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    with open_lab(helpers=True) as lab:
        spaces = process_space(lab), client(lab, "import os; print(os.readlink('/proc/self/ns/pid'), end='')")
        lab.run(["sh", "-c", "sleep 1000 >/dev/null 2>&1 &"], timeout_s=10)
        assert len(inside(spaces[0])) >= 6
        assert len(inside(spaces[1])) == 2, "the client's first process and the one it left"
        assert lab.log_path.parent.exists()
        alive = [os.pidfd_open(number) for space in spaces for number in inside(space)]
    await_ends(alive)  # by process: the number of a namespace that is gone may be another's by now
    assert not lab.log_path.parent.parent.exists()
    assert len(os.listdir("/proc/self/fd")) == descriptors


def hold() -> tuple[subprocess.Popen[str], Path, str]:
    """Another process that holds a laboratory open; its directory and its process namespace."""
    owner = subprocess.Popen(
        [PYTHON, "-m", "lab_exercise", "", "socket", "hold"],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    told = json.loads(owner.stdout.readline())
    return owner, Path(told["directory"]), told["pid_space"]


def kill_and_close(owner: subprocess.Popen[str]) -> None:
    """Kill a process at once and forget it."""
    owner.kill()
    owner.wait()
    for pipe in (owner.stdin, owner.stdout):
        assert pipe is not None
        pipe.close()


def test_nothing_is_left_when_the_owner_is_killed() -> None:
    owner, directory, space = hold()
    launchers = Path(f"/proc/{owner.pid}/task/{owner.pid}/children").read_text().split()
    pidfds = [os.pidfd_open(pid) for pid in [*inside(space), *map(int, launchers)]]
    assert len(pidfds) >= 4
    kill_and_close(owner)
    await_ends(pidfds)
    assert inside(space) == []
    assert not directory.exists()


def test_what_the_launcher_could_not_remove_is_swept_later() -> None:
    owner, directory, space = hold()
    launcher = int(Path(f"/proc/{owner.pid}/task/{owner.pid}/children").read_text().split()[0])
    pidfds = [os.pidfd_open(pid) for pid in [*inside(space), launcher]]
    os.kill(launcher, signal.SIGKILL)
    await_ends(pidfds)
    kill_and_close(owner)
    assert directory.exists()
    with open_lab() as lab:
        assert not directory.exists()
        lab_directory.sweep()
        assert lab.directory.exists(), "a living laboratory's directory was swept"


def test_a_dead_router_is_noticed() -> None:
    drawn = dataclasses.replace(DRAWN, rules=(Rule(trigger="address", match=("6.6.6.6",), action="die"),))
    code = "import socket; s = socket.socket(); s.settimeout(1); s.connect_ex(('6.6.6.6', 80))"
    with open_lab(drawn=drawn) as lab:
        with pytest.raises(LabFailed, match=r"(?s)router .*met its fate"):
            lab.run([PYTHON, "-c", code], timeout_s=20)
        with pytest.raises(LabFailed, match="router"):
            lab.run(["true"], timeout_s=10)


def test_servers_that_do_not_start_are_an_error_with_their_words() -> None:
    lab = open_lab(drawn=dataclasses.replace(DRAWN, name="broken"))
    with pytest.raises(LabFailed, match="servers refuse"):
        lab.__enter__()
    assert not lab.directory.exists()


def test_a_forbidden_namespace_names_the_setting_to_change() -> None:
    code = """
import os, pathlib, sys
from probe_lab.host import namespaces as ns
ns.enter_new_user(uid=0, gid=0)
pathlib.Path("/proc/sys/user/max_net_namespaces").write_text("0")
os.execv(sys.executable, [sys.executable, "-m", "probe_lab.host.launch", "--check"])
"""
    done = subprocess.run([PYTHON, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert "user.max_net_namespaces=10000`" in done.stdout
