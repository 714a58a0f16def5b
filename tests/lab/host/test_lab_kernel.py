"""The laboratory seen from its client: addresses, files, trust, privileges, and how programs are run in it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import certifi
import pytest
from scapy.utils import RawPcapNgReader

from lab_exercise import WORLD, client, expected, explore, open_lab, tun_reason
from probe_lab.laboratory import Laboratory

pytestmark = pytest.mark.lab

PYTHON = sys.executable
TRANSPORTS = [pytest.param("tun", marks=pytest.mark.skipif(bool(tun_reason()), reason=tun_reason() or "open")), "veth"]


@pytest.fixture(scope="module")
def lab() -> Iterator[Laboratory]:
    with open_lab(helpers=True) as built:
        yield built


@pytest.mark.parametrize("level", ["socket", "packet"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_any_address_answers_and_the_level_is_enforced(transport: str, level: str) -> None:
    with open_lab(transport=transport, level=level) as lab:
        assert explore(lab) == expected(level=level, tap=transport == "tun")


def test_a_burst_of_connections_is_not_lost(lab: Laboratory) -> None:
    code = """
import selectors, socket
sockets = [socket.socket() for _ in range(200)]
waiting = selectors.DefaultSelector()
for number, s in enumerate(sockets):
    s.setblocking(False)
    s.connect_ex((f"20.0.0.{number + 1}", 80))
    waiting.register(s, selectors.EVENT_WRITE)
good = 0
while waiting.get_map() and (ready := waiting.select(20)):
    for key, _ in ready:
        good += key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        waiting.unregister(key.fileobj)
print(good)
"""
    assert client(lab, code) == "200\n"


def test_the_client_sees_its_own_world(lab: Laboratory) -> None:
    code = """
import json, os, pathlib, socket, sys
from importlib.resources import files
read = lambda path: pathlib.Path(path).read_text()
hosts = [line.split() for line in read("/etc/hosts").splitlines()]
print(json.dumps({
    "resolver": read("/etc/resolv.conf").split(),
    "order": [line.split() for line in read("/etc/nsswitch.conf").splitlines() if line.startswith("hosts")],
    "names": sorted({name for line in hosts for name in line[1:]}),
    "laboratories": [os.path.join(at, name) for at, names, _ in os.walk(sys.argv[1]) for name in names],
    "interfaces": sorted(os.listdir("/sys/class/net")),
    "socket_interfaces": sorted(name for _, name in socket.if_nameindex()),
    "marker": json.loads((files("probe.catalogue") / "laboratory.json").read_text()),
    "uid": os.getuid() == int(sys.argv[2]),
}))
"""
    found = json.loads(client(lab, code, str(lab.directory.parents[1]), str(os.getuid())))
    assert found == {
        "resolver": ["nameserver", WORLD.resolver],
        "order": [["hosts:", "files", "dns"]] if os.path.exists("/etc/nsswitch.conf") else [],
        "names": ["localhost"],
        "laboratories": [str(lab.directory.parent), str(lab.directory)],
        "interfaces": ["eth0", "lo"],
        "socket_interfaces": ["eth0", "lo"],
        "marker": {"lab": True, "clock_shift_s": WORLD.clock_shift_s},
        "uid": True,
    }
    assert (files("probe.catalogue") / "laboratory.json").read_bytes() == b"", "the marker shows outside"
    assert any(lab.log_path.parent.iterdir()), "outside, the private directory has its files"


def test_the_client_trusts_the_laboratory_alone(lab: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
import certifi, socket, ssl
for cafile in (certifi.where(), None):
    context = ssl.create_default_context(cafile=cafile)
    with socket.create_connection(("8.8.8.8", 443), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="known.example") as secured:
            print(secured.recv(10).decode())
"""
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    assert client(lab, code) == "secured\nsecured\n"
    outside = Path(certifi.where()).read_text()
    assert client(lab, "import certifi; print(certifi.contents(), end='')") != outside


def test_the_environment_is_cleaned(lab: Laboratory) -> None:
    strange = {"HTTP_PROXY": "x", "https_proxy": "x", "No_Proxy": "x", "SSL_CERT_FILE": "x", "CURL_CA_BUNDLE": "x"}
    done = lab.run(["env"], env={**strange, "PATH": os.defpath, "KEPT": "yes"}, timeout_s=10)
    assert b"KEPT=yes" in done.stdout
    assert b"=x" not in done.stdout


@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 7", 7), ("kill -KILL $$", -9), ("kill -TERM $$", -15), ("kill -SEGV $$", -11), ("exec /nonexistent", 127)],
)
def test_the_exit_status_passes_through(lab: Laboratory, script: str, status: int) -> None:
    assert lab.run(["sh", "-c", script], timeout_s=10).returncode == status


def test_streams_directory_and_missing_programs(lab: Laboratory, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.write_text("given")
    with source.open("rb") as stdin:
        done = lab.run(["sh", "-c", "cat; pwd; echo bad >&2"], stdin=stdin, cwd=tmp_path, timeout_s=10)
    assert done.stdout.decode() == f"given{tmp_path}\n"
    assert done.stderr == b"bad\n"
    missing = lab.run(["/nonexistent/program"], timeout_s=10)
    assert missing.returncode == 127
    assert b"/nonexistent/program" in missing.stderr
    (lab.directory / "note").write_text("shared")
    assert lab.run(["cat", str(lab.directory / "note")], timeout_s=10).stdout == b"shared"


def test_a_signal_to_the_run_reaches_the_program(lab: Laboratory) -> None:
    read, write = os.pipe()
    runner = "import os, signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(9)); print(flush=True)"
    runner += "; signal.pause()"
    results: list[int] = []
    thread = threading.Thread(
        target=lambda: results.append(lab.run([PYTHON, "-c", runner], stdout=write, timeout_s=30).returncode)
    )
    thread.start()
    assert os.read(read, 1) == b"\n"
    children = Path(f"/proc/self/task/{thread.native_id}/children").read_text().split()
    assert children
    os.kill(int(children[0]), signal.SIGTERM)
    thread.join(30)
    os.close(read)
    os.close(write)
    assert results == [9]


def test_a_program_that_takes_too_long_is_killed(lab: Laboratory) -> None:
    held = lab.directory / "held"
    held.touch()
    code = "import fcntl, signal, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); signal.pause()"
    with pytest.raises(subprocess.TimeoutExpired):
        lab.run([PYTHON, "-c", code, str(held)], timeout_s=1.5)
    with held.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # waits until the program is gone; the test's own limit bounds it


def test_programs_run_at_once_from_threads(lab: Laboratory) -> None:
    outputs: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: outputs.append(client(lab, "import sys; print(sys.argv[1])", str(n))))
        for n in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outputs) == [f"{n}\n" for n in range(5)]


def test_helpers_answer_and_each_measures_from_its_own_address(lab: Laboratory) -> None:
    code = """
import json, socket, sys
for helper, target in (("52.1.1.1", "1.2.3.4"), ("53.1.1.1", "1.2.3.4")):
    with socket.create_connection((helper, 443), timeout=10) as s:
        s.sendall(target.encode())
        told = json.loads(s.recv(300))
        print(told["peer"], json.loads(told["server"])["from"])
"""
    assert client(lab, code) == f"{WORLD.client4} 52.1.1.1\n{WORLD.client4} 53.1.1.1\n"


def test_programs_run_on_a_vantage_point(lab: Laboratory) -> None:
    code = "import socket; s = socket.create_connection(('1.2.3.4', 80), 10); s.send(b'x'); print(s.recv(99).decode())"
    done = lab.run([PYTHON, "-c", code], host="b", timeout_s=20)
    assert json.loads(done.stdout)["from"] == "53.1.1.1"
    assert lab.run(["cat", "/etc/resolv.conf"], host="b", timeout_s=10).stdout == b"nameserver 8.8.8.8\n"


@pytest.mark.parametrize(("server", "own"), [("1.2.3.4", "53.1.1.1"), ("2a02:26f0::1", "2601::1")])
def test_a_vantage_point_reaches_servers_over_both_families(lab: Laboratory, server: str, own: str) -> None:
    code = """
import socket, sys
with socket.create_connection((sys.argv[1], 80), timeout=10) as s:
    s.send(b"x")
    print(s.recv(99).decode())
"""
    done = lab.run([PYTHON, "-c", code, server], host="b", timeout_s=20)
    assert json.loads(done.stdout or b"{}") == {"from": own, "to": server}, done.stderr.decode()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_captures_are_complete_when_it_ends(transport: str, tmp_path: Path) -> None:
    with open_lab(transport=transport, pcap_dir=tmp_path) as lab:
        client(lab, "import socket; socket.create_connection(('1.2.3.4', 80), 10).close()")
    assert {path.name for path in tmp_path.iterdir()} == {"client.pcapng", "vantage.pcapng", "servers.pcapng"}
    ends = [[raw for raw, _ in RawPcapNgReader(str(tmp_path / f"{name}.pcapng"))] for name in ("client", "servers")]
    assert ends[0] == ends[1], "both ends saw the same"
    first = ends[0][0]
    length = len(first)
    assert socket.inet_ntoa(first[16:20]) == "1.2.3.4"
    assert checksum(first[:20]) == 0
    assert checksum(first[12:20] + struct.pack("!HH", 6, length - 20) + first[20:]) == 0, "TCP checksum is left undone"


def checksum(data: bytes) -> int:
    """The ones' complement sum of RFC 1071: zero over data that carries a right checksum."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
