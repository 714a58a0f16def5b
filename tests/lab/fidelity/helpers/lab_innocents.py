"""What the fidelity tests of innocent scenarios ask of a laboratory besides `lab_fidelity`: pages, names, crowds."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from lab_fidelity import Flow, Place, Seen, Watched
from probe_lab.lab_types import DrawnScenario, Value
from project_root import LAB_CLIENTS

CROWD = 48
"""Connections opened side by side."""


def run_client(w: Watched, program: str, *arguments: str) -> dict[str, Any]:
    """What a small client prints on the client side."""
    done = w.lab.run([sys.executable, str(LAB_CLIENTS / program), *arguments], timeout_s=60)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def python(w: Watched, code: str) -> Any:
    """What a Python program on the client side prints as JSON."""
    done = w.lab.run([sys.executable, "-c", code], timeout_s=60)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout)


def fetch(w: Watched, place: Place, *, trust: str = "none", address: str = "") -> dict[str, Any]:
    """The answer to a request for a target's own page."""
    parts = urlsplit(place.input)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    where = address or place.address or place.addresses[0]
    return run_client(w, "fetch.py", where, str(place.port), place.sni, place.host, path, trust)


def ask(w: Watched, name: str, *, qtype: str = "A", server: str = "", timeout_s: float = 6.0) -> dict[str, Any]:
    """The answer of a resolver, by default the one that resolv.conf names."""
    return run_client(w, "ask.py", name, qtype, server, str(timeout_s))


def crowd(tries: Iterable[Callable[[], Flow]]) -> list[Flow]:
    """Many exchanges at once."""
    with ThreadPoolExecutor(CROWD) as pool:
        return [future.result() for future in [pool.submit(one) for one in tries]]


def innocents(w: Watched, *, tls: bool = True) -> list[Place]:
    """The targets of the company with an IPv4 address, those with a server name or those without; controls last."""
    fitting = [place for place in w.company() if place.address and place.port and bool(place.sni) == tls
               and (not tls or place.input.startswith(("https:", "tlshandshake:")))]  # the others begin otherwise
    targets = set(w.drawn.targets)
    # First where a page can be fetched, but a control only where there is nothing else.
    return sorted(fitting, key=lambda place: (place.input not in targets, not place.input.startswith("https:")))


def fault(w: Watched, kind: str) -> Mapping[str, Value]:
    """The drawn parameters of the fault of this kind."""
    return next(f.params for f in w.drawn.faults if f.kind == kind)


def with_fault(kind: str, **params: Value) -> Callable[[DrawnScenario], DrawnScenario]:
    """Changes parameters of a drawn fault, where those of the file take too long for a test."""

    def change(drawn: DrawnScenario) -> DrawnScenario:
        faults = (replace(f, params={**f.params, **params}) if f.kind == kind else f for f in drawn.faults)
        return replace(drawn, faults=tuple(faults))

    return change


def with_rule(**params: Value) -> Callable[[DrawnScenario], DrawnScenario]:
    """The same for the parameters of all rules."""

    def change(drawn: DrawnScenario) -> DrawnScenario:
        return replace(drawn, rules=tuple(replace(r, params={**r.params, **params}) for r in drawn.rules))

    return change


def header(p: Seen) -> tuple[int, int, bool]:
    """TTL, IP ID and DF of a packet."""
    return p.ip.ttl, p.ip.id, "DF" in str(p.ip.flags)


def volume(packets: Iterable[Seen]) -> int:
    """Bytes of the packets."""
    return sum(len(p.raw) for p in packets)


PING = """
import json, os, socket, struct
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as s:
    s.settimeout(5)
    s.connect(({address!r}, 0))
    s.send(struct.pack(">BBHHH", 8, 0, 0, 0, 1) + os.urandom(16))
    try:
        print(json.dumps(len(s.recv(256)) > 0))
    except OSError:
        print("false")
"""


def pings(w: Watched, address: str) -> bool:
    """Whether an address answers an echo request of an ordinary program."""
    return bool(python(w, PING.format(address=address)))
