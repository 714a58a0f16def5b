"""A router whose time is told, and the small world that it routes for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lab_traffic import CLIENT, CLIENT6, RESOLVER, SERVER, SERVER6
from probe_lab.lab_types import Fault, Front, HostPlan, Rule, VantagePoint, World
from probe_lab.path.router import Router
from probe_lab.truth import TruthEntry, TruthLog, read_log
from probe_lab.wire.packet import IpHeader, build_udp

VANTAGE, VANTAGE6 = "88.198.1.5", "2a01:4f8::5"
HOPS, PLACE = 10, 4
DELAY_S = 0.040
VANTAGE_DELAY_S = 0.007

WORLD = World(
    seed=11,
    client4=CLIENT,
    client6=CLIENT6,
    gateway4="100.1.0.1",
    gateway6="2a02:100::1",
    vantages=(
        VantagePoint(control_id="helper-a", ipv4=VANTAGE, ipv6=VANTAGE6, asn=24940, cc="DE",
                     url="https://a.lab.example"),
    ),
    resolver=RESOLVER,
    hosts={"t.example": HostPlan(name="t.example", ipv4=(SERVER,), ipv6=(SERVER6,))},
    literals=(),
    sinkhole="80.1.1.1",
    portal="80.1.1.2",
    mitm="80.1.1.3",
    client_delay_ms=DELAY_S * 1000,
    vantage_delay_ms=VANTAGE_DELAY_S * 1000,
    hops=HOPS,
    censor_hop=PLACE,
)


class Net:
    """A router whose time is told; what it delivers is kept with the time of delivery."""

    def __init__(self, directory: Path, *rules: Rule, faults: tuple[Fault, ...] = (), world: World = WORLD,
                 fronts: tuple[Front, ...] = (), carrier: tuple[Rule, ...] = ()) -> None:
        self._path = directory / "truth.jsonl"
        self.arrived: list[tuple[str, float, bytes]] = []
        self._now_s = 0.0
        deliver = {name: self._receiver(name) for name in ("client", "vantage", "servers")}
        self.router = Router(world, rules, faults=faults, deliver=deliver, truth=TruthLog(self._path),
                             fronts=fronts, carrier=carrier)

    def _receiver(self, name: str) -> Callable[[bytes], None]:
        return lambda raw: self.arrived.append((name, round(self._now_s, 9), raw))

    def send(self, leg: str, *packets: bytes, at_s: float = 0.0) -> list[tuple[str, float, bytes]]:
        """Packets enter from a leg; everything happens; what has arrived since is returned."""
        before = len(self.arrived)
        for raw in packets:
            self.router.take(leg, raw, at_s)
        while (due_s := self.router.next_s()) is not None:
            self._now_s = due_s
            self.router.run_due(due_s)
        return self.arrived[before:]

    @property
    def log(self) -> tuple[TruthEntry, ...]:
        return read_log(self._path)


def datagram(src: str, dst: str, *, ttl: int = 64, payload: bytes = b"x") -> bytes:
    return build_udp(IpHeader(src=src, dst=dst, ttl=ttl), sport=5000, dport=6000, payload=payload)
