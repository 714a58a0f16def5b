"""Look at a scenario's censor through the client's own network card: real clients, a capture, an independent reader.

    with watched("sni-gfw2", seed) as w:
        t = w.target("t")                                  # what @t stands for: host, sni, port, addresses
        flow = w.tls(t)                                    # kernel TCP and a real ClientHello
        assert flow.failure == "ECONNRESET"
        resets = w.await_packets(3, flow, flags="R")       # waits for three, fails after half a minute
        assert {p.ip.ttl for p in resets} == {w.ttl_at_client(w.number("ttl"))}
        w.settle()                                         # whatever was under way has arrived
        assert len(w.from_server(flow, flags="R")) == 3
        assert w.tls(w.innocent()).failure == ""
        assert w.truth()[0].block_type == "tls.reset.sni"

Packets are read with scapy, which shares no code with what built them. `p.ip` is an IP or IPv6 packet, `p.tcp` and
`p.udp` its transport, `p.time_s` the kernel's stamp on CLOCK_MONOTONIC, the clock of the truth log. Sequence
numbers are those on the wire. `w.params()` are the drawn parameters of the first rule, `w.params(1)` of the second.

To use one laboratory for several tests of a scenario, call the fixture `watch` with the scenario's name: it keeps the
laboratory of the last name open. Or ask for the fixture `w` and mark tests `@on("sni-gfw2", ...)`: pytest then runs
tests of one scenario together.
The seed comes from PROBE_TEST_SEED and is printed.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import pytest
from scapy.layers.dns import DNS, DNSQR

from lab_fidelity_wire import PATIENCE_S, Agent, Flow, Seen
from lab_warm import forked
from probe.catalogue.load import load_catalogue
from probe_lab.box.rulebook import Params, make_ready
from probe_lab.draw import draw_scenario as draw
from probe_lab.format.scenario import Scenario, load_scenario
from probe_lab.lab_types import VANTAGE_CC, DrawnScenario
from probe_lab.laboratory import Laboratory
from probe_lab.truth import TruthEntry, read_log

__all__ = [
    "PATIENCE_S", "Agent", "Flow", "Place", "Seen", "Watched", "Watching", "draw_scenario", "on", "seed_of",
    "watched",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a target is in this world; empty addresses for a family that it lacks."""

    input: str
    host: str
    sni: str
    port: int
    protocol: str
    trust: str
    """Both as the catalogue has them."""
    address: str
    """Its first IPv4 address, or the literal."""
    addresses: tuple[str, ...]


class Watched:
    """A laboratory with a capture on the client's interface; the module's docstring shows its use."""

    def __init__(self, lab: Laboratory, agent: Agent) -> None:
        self.lab = lab
        self.drawn: DrawnScenario = lab.drawn
        self.agent = agent
        self._rules = make_ready(lab.drawn.rules)

    # the world

    def target(self, alias: str, index: int = 0) -> Place:
        """What was drawn under this alias."""
        return self._place(self.drawn.aliases[alias][index])

    def innocent(self, *, tls: bool = True, port: int = 0) -> Place:
        """A target of the company that nobody censors, with an IPv4 address; at a port if one is given."""
        fitting = [p for p in self.company() if p.address and bool(p.sni) == tls and port in (0, p.port)]
        assert fitting, "the company has no such target; draw another seed"
        # A page can be fetched there; and at the port of the web, where there is one in the clear as well.
        return min(fitting, key=lambda p: (p.input not in self.drawn.targets, not p.input.startswith("https:"),
                                           p.port != 443))

    def company(self) -> list[Place]:
        """The targets that nobody censors; behind them the controls on the web, for of a few none may fit a test."""
        suffering = {text for name, inputs in self.drawn.aliases.items() if ":" not in name for text in inputs}
        controls = [text for text, row in _rows().items() if row.role == "control" and row.protocol == "http"]
        return [self._place(text) for text in dict.fromkeys((*self.drawn.targets, *controls)) if text not in suffering]

    def _place(self, text: str) -> Place:
        row = _rows()[text]
        plan = self.drawn.world.hosts.get(row.host.lower())
        found = (row.address,) if row.address else (*plan.ipv4, *plan.ipv6) if plan else ()
        four = next((address for address in found if ":" not in address), "")
        return Place(
            input=text, host=row.host, sni=row.sni, port=row.port, protocol=row.protocol, trust=row.trust,
            address=four, addresses=found,
        )

    def targets(self, alias: str = "t") -> list[Place]:
        """All that were drawn under this alias."""
        return [self.target(alias, index) for index in range(len(self.drawn.aliases[alias]))]

    def params(self, rule: int = 0) -> Params:
        """The parameters of a rule as drawn, defaults filled in."""
        return self._rules[rule].params

    def number(self, name: str, *, rule: int = 0, copy: int = 0) -> int:
        """One drawn parameter as a whole number."""
        return self.params(rule).whole(name, copy)

    def ttl_at_client(self, ttl: int) -> int:
        """What is left at the client of a TTL that a packet had on leaving the box."""
        return ttl - (self.drawn.world.censor_hop - 1)

    @property
    def server_ttl(self) -> int:
        """What is left at the client of a genuine server's TTL (Linux begins with 64)."""
        return 64 - self.drawn.world.hops

    @property
    def rtt_s(self) -> float:
        """Round trip between client and servers."""
        return self.drawn.world.client_delay_ms / 500

    @property
    def box_rtt_s(self) -> float:
        """Round trip between client and box."""
        return self.rtt_s * self.drawn.world.censor_hop / self.drawn.world.hops

    def truth(self) -> tuple[TruthEntry, ...]:
        """What the laboratory says was done."""
        return read_log(self.lab.log_path)

    # the clients

    def connect(self, place: Place | str, *, port: int = 0, sport: int = 0, timeout_s: float = 5) -> Flow:
        """Open a connection and close it."""
        return self._flow("connect", place, port=port, sport=sport, timeout_s=timeout_s)

    def tls(self, place: Place | str, *, name: str | None = None, port: int = 0, **more: Any) -> Flow:
        """Shake hands under the place's own name or another; more: sport, timeout_s, get, read_bytes, split, alpn,
        stays."""
        own = place.sni if isinstance(place, Place) else ""
        return self._flow("tls", place, port=port, name=own if name is None else name, **more)

    def http(
        self, place: Place | str, *, host: str | None = None, method: str = "GET", path: str = "/", port: int = 0,
        **more: Any,
    ) -> Flow:
        """A request in the clear for the place's own host or another; more: sport, timeout_s, read_bytes."""
        own = place.host if isinstance(place, Place) else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: {own if host is None else host}\r\nConnection: close\r\n\r\n"
        return self.tcp(place, head.encode(), port=port, **more)

    def tcp(self, place: Place | str, payload: bytes, *, port: int = 0, **more: Any) -> Flow:
        """Any bytes over TCP; more: sport, timeout_s, read_bytes."""
        return self._flow("tcp", place, port=port, payload=payload.hex(), **more)

    def udp(self, place: Place | str, payload: bytes, *, port: int, **more: Any) -> Flow:
        """A datagram, and its first reply; more: sport, ttl, timeout_s."""
        return self._flow("udp", place, port=port, payload=payload.hex(), **more)

    def dns(
        self, name: str, *, server: str = "", qtype: str = "A", tcp: bool = False, ttl: int = 0, timeout_s: float = 5
    ) -> Flow:
        """A question to the network's resolver or another; `ttl` is the query's IP TTL (UDP only)."""
        query = bytes(DNS(id=random.randrange(65_536), rd=1, qd=DNSQR(qname=name, qtype=qtype)))
        to = server or self.drawn.world.resolver
        if tcp:
            return self.tcp(to, len(query).to_bytes(2) + query, port=53, timeout_s=timeout_s, read_bytes=30)
        return self.udp(to, query, port=53, ttl=ttl, timeout_s=timeout_s)

    def raw(self, packet: Any) -> None:
        """An IPv4 packet made with scapy (or bytes), past the client's kernel."""
        self.agent.ask("raw", packet=bytes(packet).hex())

    def sysctl(self, name: str, value: str) -> None:
        """A parameter of the client's kernel, as `net/ipv4/tcp_timestamps`; fails where the machine forbids it."""
        failure = self.agent.ask("sysctl", name=name, value=value)["failure"]
        assert not failure, f"{name}: {failure}"

    def _flow(self, do: str, place: Place | str, *, port: int, **more: Any) -> Flow:
        address = place.address if isinstance(place, Place) else place
        to = port or (place.port if isinstance(place, Place) else 0)
        r = self.agent.ask(do, address=address, port=to, **more)
        return Flow(
            address=address, port=to, sport=r["sport"], stage=r["stage"], failure=r["failure"], n_bytes=r["bytes"],
            data=bytes.fromhex(r["data"]), certificate=bytes.fromhex(r.get("certificate", "")),
            begin_s=r["begin_s"], end_s=r["end_s"],
        )

    # the capture

    def packets(self, flow: Flow | None = None, *, flags: str = "", sent: bool | None = None) -> list[Seen]:
        """What was seen so far, in order; `flags`: letters that must all be set."""
        with self.agent.changed:
            heard = list(self.agent.heard)
        return [
            p for p in heard
            if (flow is None or p.belongs(flow)) and (sent is None or p.sent == sent) and set(flags) <= set(p.flags)
        ]

    def from_server(self, flow: Flow | None = None, *, flags: str = "") -> list[Seen]:
        """What came to the client, whoever sent it in the server's name."""
        return self.packets(flow, flags=flags, sent=False)

    def await_packets(self, count: int, flow: Flow | None = None, *, flags: str = "") -> list[Seen]:
        """The first so many received packets, as soon as there are as many."""
        what = f"{count} packets {flags} of {flow}"
        self.agent.await_that(lambda: len(self.from_server(flow, flags=flags)) >= count, what)
        return self.from_server(flow, flags=flags)[:count]

    def settle(self, place: Place | str = "", *, port: int = 443) -> None:
        """Exchange packets with an innocent (or the given) place: what the box sent before has arrived then."""
        for _ in range(2):
            if place:
                self.connect(place, port=port)
            else:
                self.connect(self.innocent())


def _rows() -> dict[str, Any]:
    """Every row by what is measured there, templates filled in for the laboratory's country."""
    country = VANTAGE_CC
    return {
        row.input.replace("{cc}", country.lower()).replace("{CC}", country): row for row in _catalogue().endpoints
    }


def _catalogue() -> Any:
    if not _CACHE:
        _CACHE.append(load_catalogue(search=False))
    return _CACHE[0]


_CACHE: list[Any] = []


def draw_scenario(scenario: str | Scenario, seed: int) -> DrawnScenario:
    """A scenario (or the packaged one of this name) drawn from the packaged catalogue."""
    found = load_scenario(scenario) if isinstance(scenario, str) else scenario
    tries = (draw(found, seed=seed + more, endpoints=_catalogue().endpoints) for more in range(0, 100_000, 1000))
    return next(drawn for drawn in tries if _has_ipv4(drawn))


def _has_ipv4(drawn: DrawnScenario) -> bool:
    """Whether everybody drawn by name has an IPv4 address: these captures read IPv4 headers."""
    for name, inputs in drawn.aliases.items():
        for row in (_rows()[text] for text in inputs if ":" not in name):
            plan = drawn.world.hosts.get(row.host.lower())
            if not any("." in address for address in ((row.address,) if row.address else plan.ipv4 if plan else ())):
                return False
    return True


@contextmanager
def watched(
    scenario: str | Scenario | DrawnScenario, seed: int = 1, *,
    change: Callable[[DrawnScenario], DrawnScenario] = lambda drawn: drawn
) -> Iterator[Watched]:
    """The laboratory of a scenario, alive and watched; `change` may adjust what was drawn."""
    drawn = scenario if isinstance(scenario, DrawnScenario) else draw_scenario(scenario, seed)
    with forked(change(drawn), level="packet", helpers=False) as lab:
        agent = Agent(lab)
        try:
            yield Watched(lab, agent)
        finally:
            agent.close()


def seed_of(name: str) -> int:
    """The seed of a scenario in this run of the tests; printed, so that a failure shows it."""
    seed = random.Random(f"{name} {os.environ['PROBE_TEST_SEED']}").randrange(1, 1_000_000)
    print(f"{name}: seed {seed} (to repeat: PROBE_TEST_SEED={os.environ['PROBE_TEST_SEED']})")
    return seed


def on(*names: str) -> pytest.MarkDecorator:
    """Run a test in the laboratory of each of these scenarios, which its fixture `w` opens."""
    return pytest.mark.parametrize("w", names, indirect=True, scope="module")


class Watching:
    """Keeps the laboratory of the last scenario asked for; a context manager for a module's fixture."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._open: tuple[str, Watched] | None = None

    def __call__(self, name: str, *, change: Callable[[DrawnScenario], DrawnScenario] = lambda drawn: drawn) -> Watched:
        """The laboratory of this scenario; `change` counts when it is opened."""
        if self._open is None or self._open[0] != name:
            self.close()
            self._open = (name, self._stack.enter_context(watched(name, seed_of(name), change=change)))
        return self._open[1]

    def close(self) -> None:
        """Take down what is open."""
        self._stack.close()
        self._open = None

    def __enter__(self) -> Self:
        """Nothing is open yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open any more."""
        self.close()
