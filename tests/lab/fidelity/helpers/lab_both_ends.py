"""A scenario watched at both ends: the client's own interface, and afterwards what came and went at the servers'.

    ends = BothEnds(tmp_path)
    with ends.watched("sni-rst-s", seed) as w:
        flow = w.tls(w.target("t"))
    forged = ends.at_server(flow, sent=False, flags="R")       # complete once the laboratory has ended

Stamps of the servers' capture are on another clock: use their order and their differences.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.utils import RawPcapNgReader

from lab_fidelity import Agent, Flow, Place, Seen, Watched, draw_scenario
from lab_warm import forked
from probe_lab.lab_types import DrawnScenario
from project_root import LAB_CLIENTS

PULL = LAB_CLIENTS / "pull.py"


@dataclass(frozen=True, slots=True)
class BothEnds:
    """Captures of one laboratory in a folder of its own."""

    folder: Path

    @contextmanager
    def watched(
        self, scenario: str, seed: int, *, change: Callable[[DrawnScenario], DrawnScenario] = lambda drawn: drawn
    ) -> Iterator[Watched]:
        """The laboratory, alive; the servers' end can be read when it is over."""
        drawn = change(draw_scenario(scenario, seed))
        with forked(drawn, level="packet", helpers=False, pcap_dir=self.folder) as lab:
            agent = Agent(lab)
            try:
                yield Watched(lab, agent)
            finally:
                agent.close()

    def at_server(self, flow: Flow, *, sent: bool | None = None, flags: str = "") -> list[Seen]:
        """The flow's packets at the servers' end; `sent`: by the server; `flags`: letters that must all be set."""
        return [
            p for p in self._packets(flow)
            if (sent is None or p.sent == sent) and set(flags) <= set(p.flags)
        ]

    def _packets(self, flow: Flow) -> Iterator[Seen]:
        packets: Iterable[tuple[bytes, Any]] = RawPcapNgReader(str(self.folder / "servers.pcapng"))
        for raw, stamp in packets:
            ip = IP(raw) if raw[0] >> 4 == 4 else IPv6(raw)
            time_s = ((stamp.tshigh << 32) + stamp.tslow) / stamp.tsresol
            seen = Seen(time_s=time_s, sent=ip.src == flow.address, raw=raw, ip=ip)
            layer = seen.tcp if seen.tcp is not None else seen.udp
            if layer is None:
                continue
            here = (ip.src, layer.sport, layer.dport) if seen.sent else (ip.dst, layer.dport, layer.sport)
            if here == (flow.address, flow.port, flow.sport):
                yield seen


def pull(w: Watched, place: Place, *, wanted: int, patience_s: float = 5, name: str = "", sport: int = 0) -> Flow:
    """A long download from a place (see `lab_clients/pull.py`)."""
    arguments = (place.address, place.port, name or place.sni, wanted, patience_s, sport)
    done = w.lab.run([sys.executable, "-I", str(PULL), *map(str, arguments)], timeout_s=300)
    assert done.returncode == 0, done.stderr.decode()
    r = json.loads(done.stdout)
    return Flow(
        address=place.address, port=place.port, sport=r["sport"], stage=r["stage"], failure=r["failure"],
        n_bytes=r["bytes"], data=b"", certificate=b"", begin_s=r["begin_s"], end_s=r["end_s"],
    )
