"""Build a small laboratory in this process's circumstances and print what its client found, as JSON.

Arguments: `TRANSPORT LEVEL`, and `hold` to keep it open until standard input ends.
"""

from __future__ import annotations

import fcntl
import json
import sys

from probe_lab.host.blueprint import Parts
from probe_lab.lab_types import DrawnScenario, HostPlan, VantagePoint, World
from probe_lab.laboratory import Laboratory

STAND_INS = Parts(
    router="lab_stand_ins:route",
    servers="lab_stand_ins:serve",
    pki="lab_stand_ins:make_pki",
    helper=("lab_stand_ins",),
)

WORLD = World(
    seed=1,
    client4="100.90.0.2",
    client6="2001:db8:1::2",
    gateway4="100.90.0.1",
    gateway6="2001:db8:1::1",
    vantages=(
        VantagePoint(control_id="a", ipv4="52.1.1.1", ipv6="2600::1", asn=1, cc="DE", url="https://a.lab.example:443/"),
        VantagePoint(control_id="b", ipv4="53.1.1.1", ipv6="2601::1", asn=2, cc="FR", url="https://b.lab.example:443/"),
    ),
    resolver="9.9.9.9",
    hosts={
        "known.example": HostPlan(name="known.example", ipv4=("8.8.8.8",), ipv6=("2a02:26f0::5",)),
        "b.lab.example": HostPlan(name="b.lab.example", ipv4=("53.1.1.1",), ipv6=("2601::1",)),
    },
    literals=("149.154.167.51",),
    sinkhole="5.5.5.5",
    portal="6.6.6.6",
    mitm="7.7.7.7",
    client_delay_ms=0,
    vantage_delay_ms=0,
    hops=3,
    censor_hop=1,
    clock_shift_s=86_400,
)

DRAWN = DrawnScenario(
    name="stand-ins",
    title="",
    kind="innocent",
    seed=1,
    world=WORLD,
    rules=(),
    faults=(),
    expects=(),
    aliases={},
    targets=(),
)

CLIENT = r"""
import errno, json, os, socket

def ask(address, port=80):
    with socket.create_connection((address, port), timeout=10) as s:
        s.sendall(b"who")
        return json.loads(s.recv(200))

def count(address):
    with socket.create_connection((address, 80), timeout=10) as s:
        s.sendall(b"big")
        return sum(map(len, iter(lambda: s.recv(1 << 18), b"")))

def refusal(address, kind):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as s:
        s.settimeout(10)
        try:
            s.connect((address, 99))
            s.send(b"x")
            s.recv(1)
        except OSError as error:
            return errno.errorcode.get(error.errno, type(error).__name__)

def may(*arguments):
    try:
        socket.socket(*arguments).close()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "yes"

def echo():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        s.connect(("9.9.9.9", 53))
        s.send(b"echo")
        return s.recv(9).decode()

print(json.dumps({
    "answers": [ask(*at) for at in [("149.154.167.51",), ("1.2.3.4",), ("2a02:26f0::1",), ("2a02:26f0::5", 81)]],
    "bytes": [count("8.8.8.8"), count("2a02:26f0::1")],
    "refusals": [refusal(a, k) for a in ("8.8.8.8", "2a02:26f0::5") for k in (socket.SOCK_STREAM, socket.SOCK_DGRAM)],
    "udp": echo(),
    "raw": [may(socket.AF_INET, socket.SOCK_RAW, 6), may(socket.AF_PACKET, socket.SOCK_RAW)],
    "tap": os.path.exists("/sys/class/net/eth0/tun_flags"),
}))
"""


def expected(*, level: str, tap: bool) -> dict[str, object]:
    """What the client finds in a laboratory that works."""
    return {
        "answers": [
            {"from": WORLD.client4, "to": "149.154.167.51"},
            {"from": WORLD.client4, "to": "1.2.3.4"},
            {"from": WORLD.client6, "to": "2a02:26f0::1"},
            {"from": WORLD.client6, "to": "2a02:26f0::5"},
        ],
        "bytes": [5_000_000, 5_000_000],
        "refusals": ["ECONNREFUSED"] * 4,
        "udp": "echo",
        "raw": ["yes", "yes"] if level == "packet" else ["EPERM", "EPERM"],
        "tap": tap,
    }


def explore(lab: Laboratory) -> dict[str, object]:
    """What the client finds."""
    found: dict[str, object] = json.loads(client(lab, CLIENT))
    return found


TUNGETFEATURES = 0x800454CF  # linux/if_tun.h


def tun_reason() -> str:
    """Why TUN cannot be tested here, or ""."""
    try:
        with open("/dev/net/tun", "r+b", buffering=0) as device:
            fcntl.ioctl(device, TUNGETFEATURES, bytes(4))
    except OSError as error:
        return f"/dev/net/tun: {error.strerror}"
    return ""


def open_lab(**changes: object) -> Laboratory:
    """A laboratory of stand-ins, without helpers unless asked for."""
    settings: dict[str, object] = {"helpers": False, "parts": STAND_INS, "drawn": DRAWN, **changes}
    return Laboratory(settings.pop("drawn"), **settings)  # type: ignore[arg-type]


def process_space(lab: Laboratory) -> str:
    """The process namespace of the laboratory's own programs; its client has one below."""
    return lab.run(["readlink", "/proc/self/ns/pid"], host="b", timeout_s=10).stdout.decode().strip()


def client(lab: Laboratory, code: str, *arguments: str, timeout_s: float = 30) -> str:
    """What a Python program prints on the client side."""
    done = lab.run([sys.executable, "-c", code, *arguments], timeout_s=timeout_s)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def main(transport: str, level: str, *hold: str) -> None:
    """Build, explore or hold, and print one line."""
    with open_lab(transport=transport, level=level) as lab:
        if hold:
            space = process_space(lab)
            print(json.dumps({"directory": str(lab.directory.parent), "pid_space": space}), flush=True)
            sys.stdin.read()
        else:
            print(json.dumps(explore(lab)))


if __name__ == "__main__":
    main(*sys.argv[1:])
