"""A fast run against the longest chain of round trips in it that had to wait for one another.

The chain begins with the ladder, up to the moment at which the first target is asked for. Then for each site:
the lookup that gave the address, and there, one after the other, the innocent name's connect and handshake, and the
site's connect, handshake and page, with every repetition. It is told twice: in seconds as they were observed (which
contain what a busy processor adds), and as a count of round trips times the distance. The latter is the target's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from benchmark.figure import Figure, middle
from benchmark.inside import clean_world, endpoints, run_probe
from probe.core.endpoints import Endpoint
from probe.core.observations import Observation
from probe_lab.laboratory import Laboratory

RTT_MS = 300.0
SITES = 64
ROUNDS = 3
AT_MOST = 1.5
LADDER_ROUND_TRIPS = 2
"""Connect and handshake at the pinned addresses of two public resolvers are the shortest good news."""
FIRST_WINDOW_BYTES = 14_600
"""What a server sends before it waits for an acknowledgement (RFC 6928)."""
_LOOKUPS = ("resolve", "dns_round_trip")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What one site had to do in turn at one address: its operations, and how long they took together."""

    hostname: str
    address: str
    ladder_s: float
    operations: tuple[str, ...]
    """What the site did in turn; in brackets the round trips of what took several."""
    site_s: float
    round_trips: int

    @property
    def total_s(self) -> float:
        """The observed length."""
        return self.ladder_s + self.site_s


def measure() -> list[Figure]:
    """The run's own time over the chain."""
    chosen = different_hosts(endpoints())[:SITES]
    drawn = replace(clean_world(rtt_ms=RTT_MS), targets=chosen)
    inputs = [word for url in chosen for word in ("--input", url)]
    walls, observed, counted, chains = [], [], [], []
    with Laboratory(drawn, helpers=False) as laboratory:
        for _ in range(ROUNDS):
            result = run_probe(laboratory, "--fast", *inputs).result
            chain = longest_chain(result.observations)
            chains.append(chain)
            walls.append(result.run.runtime_s)
            observed.append(result.run.runtime_s / chain.total_s)
            counted.append(result.run.runtime_s / (chain.round_trips * RTT_MS / 1000))
    last = chains[-1]
    parts = ", ".join((f"ladder ({LADDER_ROUND_TRIPS})", *last.operations))
    return [
        middle("run / chain in round trips", counted, at_most=AT_MOST),
        middle("run / chain as observed", observed),
        middle("run (runtime_s)", walls, unit="s"),
        Figure(label="chain in round trips", value=last.round_trips * RTT_MS / 1000, unit="s",
               note=f"{last.round_trips} x {RTT_MS:.0f} ms: {parts}"),
        middle("chain as observed", [c.total_s for c in chains], unit="s"),
        Figure(label="  of it the ladder", value=last.ladder_s, unit="s", note="start to the first target's lookup"),
        Figure(label="sites", value=len(chosen)),
    ]


def different_hosts(rows: Iterable[Endpoint]) -> tuple[str, ...]:
    """One https page of each host, core tier first."""
    found: dict[str, str] = {}
    for e in sorted(rows, key=lambda e: e.tier):
        plain = e.protocol == "http" and e.sni and e.trust == "web_pki" and not e.address and "{" not in e.input
        if plain and e.status == "active" and e.role != "control":
            found.setdefault(e.host, e.input)
    return tuple(found.values())


def longest_chain(observations: Sequence[Observation]) -> Chain:
    """The chain of most round trips, of these the slowest. Raises ValueError where no target was asked for."""
    ladder_s = min((o.t0_s for o in observations if o.purpose == "target"), default=None)
    if ladder_s is None:
        raise ValueError("the run asked for no target")
    innocent: dict[tuple[str, int], list[Observation]] = defaultdict(list)
    own: dict[tuple[str, str, int], list[Observation]] = defaultdict(list)
    for o in observations:
        if o.address and o.purpose == "innocent":
            innocent[o.address, o.port].append(o)
        elif o.address and o.purpose == "target":
            own[o.hostname, o.address, o.port].append(o)
    chains = (
        _chain(observations, host, address, innocent[address, port] + visits, ladder_s)
        for (host, address, port), visits in own.items()
    )
    return max(chains, key=lambda chain: (chain.round_trips, chain.total_s))


def _chain(observations: Sequence[Observation], host: str, address: str, visits: Sequence[Observation],
           ladder_s: float) -> Chain:
    lookups = [o for o in observations if o.operation in _LOOKUPS and o.purpose == "target" and o.hostname == host
               and address in o.dns.answers]
    # The first answer is what the site waited for, whoever gave it.
    steps = [*sorted(lookups, key=lambda o: o.t_s)[:1], *visits]
    return Chain(
        hostname=host, address=address, ladder_s=ladder_s, operations=tuple(map(_described, steps)),
        site_s=sum(o.t_s - o.t0_s for o in steps), round_trips=LADDER_ROUND_TRIPS + sum(map(_round_trips, steps)),
    )


def _described(seen: Observation) -> str:
    words = f"{seen.purpose} {seen.operation}" if seen.purpose != "target" else seen.operation
    return words if _round_trips(seen) == 1 else f"{words} ({_round_trips(seen)})"


def _round_trips(seen: Observation) -> int:
    """One question and one answer, except TLS 1.2's handshake (RFC 5246 section 7.3) and a page beyond the window."""
    return 2 if seen.tls.version == "TLSv1.2" or seen.bytes_read > FIRST_WINDOW_BYTES else 1
