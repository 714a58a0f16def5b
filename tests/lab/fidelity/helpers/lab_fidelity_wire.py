"""What one client did and what its network card saw, told by the program on the client side (`lab_fidelity_agent`)."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scapy.layers.dns import DNS
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6

from probe_lab.laboratory import Laboratory

AGENT = Path(__file__).with_name("lab_fidelity_agent.py")
PATIENCE_S = 30.0
"""Longest wait for what must come; machines that test are slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One exchange of a client: which packets are its own, and how it ended."""

    address: str
    port: int
    sport: int
    stage: str
    """connect, connected, secured, sent: how far it got."""
    failure: str
    """Empty, an errno's name, `timeout`, `closed`, or `tls` and OpenSSL's reason."""
    n_bytes: int
    """How many were read of what the server sent (plain text where it is TLS)."""
    data: bytes
    certificate: bytes
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One packet on the client's interface."""

    time_s: float
    sent: bool
    """The client sent it."""
    raw: bytes
    ip: Any

    @property
    def tcp(self) -> Any:
        """The TCP segment, or None."""
        return self.ip.getlayer(TCP)

    @property
    def udp(self) -> Any:
        """The UDP datagram, or None."""
        return self.ip.getlayer(UDP)

    @property
    def dns(self) -> Any:
        """The DNS message, or None."""
        return self.ip.getlayer(DNS)

    @property
    def payload(self) -> bytes:
        """What the TCP segment carries (the length of the IP packet decides)."""
        return bytes(self.tcp.payload) if self.tcp is not None else bytes(self.udp.payload)

    @property
    def flags(self) -> str:
        """TCP flags as scapy writes them (`RA`, `FPA`); empty for others."""
        return str(self.tcp.flags) if self.tcp is not None else ""

    def belongs(self, flow: Flow) -> bool:
        """Whether it is a packet of this flow."""
        layer = self.tcp if self.tcp is not None else self.udp
        if layer is None:
            return False
        far, own, port = self.ip.src, layer.dport, layer.sport
        if self.sent:
            far, own, port = self.ip.dst, layer.sport, layer.dport
        return bool((far, own, port) == (flow.address, flow.sport, flow.port))


class Agent:
    """The program on the client side, spoken to through pipes."""

    def __init__(self, lab: Laboratory) -> None:
        """Start it; `heard` grows with every packet."""
        self._lab = lab
        self.heard: list[Seen] = []
        self.changed = threading.Condition()
        self._results: dict[int, dict[str, Any]] = {}
        self._numbers = itertools.count(1)
        self._ended = ""
        self._ready = False
        command, self._commands = os.pipe()
        self._lines, output = os.pipe()
        self._threads = [
            threading.Thread(target=self._run, args=(command, output), daemon=True),
            threading.Thread(target=self._read, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self.await_that(lambda: self._ready, "the client's program to begin")

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Let it act; returns when it has."""
        number = next(self._numbers)
        os.write(self._commands, json.dumps({"id": number, "do": do, **arguments}).encode() + b"\n")
        self.await_that(lambda: number in self._results, f"the end of {do} {arguments}", timeout_s=60)
        return self._results[number]

    def await_that(self, condition: Callable[[], bool], what: str, *, timeout_s: float = PATIENCE_S) -> None:
        """Wait for something that its output brings about. Raises AssertionError when it does not come."""
        with self.changed:
            came = self.changed.wait_for(lambda: condition() or bool(self._ended), timeout_s)
        assert not self._ended, f"waited for {what}: {self._ended}"
        assert came, f"waited in vain for {what}"

    def close(self) -> None:
        """End it."""
        os.close(self._commands)
        for thread in self._threads:
            thread.join(PATIENCE_S)
        os.close(self._lines)

    def _run(self, command: int, output: int) -> None:
        try:
            done = self._lab.run(
                [sys.executable, "-I", str(AGENT)], timeout_s=3600, stdin=command, stdout=output, stderr=subprocess.PIPE
            )
            ended = f"it ended with {done.returncode}: {done.stderr.decode()[-2000:]}"
        except Exception as error:  # told to the thread that waits
            ended = repr(error)
        finally:
            os.close(command)
            os.close(output)
        with self.changed:
            self._ended = ended
            self.changed.notify_all()

    def _read(self) -> None:
        with open(self._lines, "rb", closefd=False) as lines:
            for line in lines:
                self._take(json.loads(line))

    def _take(self, message: dict[str, Any]) -> None:
        seen = _seen(message) if "packet" in message else None
        with self.changed:
            if seen is not None:
                self.heard.append(seen)
            elif "id" in message:
                self._results[message["id"]] = message["result"]
            else:
                self._ready = True
            self.changed.notify_all()


def _seen(message: dict[str, Any]) -> Seen:
    raw = bytes.fromhex(message["packet"])
    ip = IP(raw) if raw[0] >> 4 == 4 else IPv6(raw)
    return Seen(time_s=message["time_s"], sent=message["sent"], raw=raw, ip=ip)
