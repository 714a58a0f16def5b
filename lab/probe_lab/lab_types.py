"""The nouns of the laboratory: the world that was drawn, what censors it, what goes wrong in it, what is expected.

Everything here is data that one seed determines. A scenario is drawn once (`probe_lab.format.scenario`), then the
router and the servers are told what to do; nothing of it is visible to the program under test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

Value = str | int | float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VantagePoint:
    """An uncensored place inside the laboratory where a test helper listens."""

    control_id: str
    ipv4: str
    ipv6: str
    asn: int
    cc: str
    url: str
    """Base URL of its helper, e.g. `https://helper-a.lab.example:443/`; the name resolves in the world."""


VANTAGE_CC = "RU"
"""Where the laboratory's client says it is, unless the scenario is of another country."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPlan:
    """The addresses of one name in this world; either tuple may be empty."""

    name: str
    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Addresses, delays and clocks of one laboratory, drawn from one seed."""

    seed: int
    client4: str
    client6: str
    gateway4: str
    gateway6: str
    vantages: tuple[VantagePoint, ...]
    resolver: str
    """The network's own recursive resolver (what resolv.conf names); IPv4."""
    hosts: Mapping[str, HostPlan]
    literals: tuple[str, ...]
    """Literal addresses that the catalogue names; servers answer there too."""
    sinkhole: str
    """Where lying resolvers point; a server there serves a block page on 80 and a foreign certificate on 443."""
    portal: str
    """Address of a captive portal's web server (answers only in scenarios that redirect there)."""
    mitm: str
    """Address of the intercepting proxy (answers only in scenarios that redirect there)."""
    client_delay_ms: float
    """One-way delay between client and servers (RTT is twice that)."""
    vantage_delay_ms: float
    hops: int
    """Routers between client and servers; each decrements TTL and can send ICMP time exceeded."""
    censor_hop: int
    """1-based hop at which the middlebox sits."""
    private_hops: int = 0
    """So many routers next to the client have IPv4 addresses of no public network, and so has the client: the first a
    household's (RFC 1918), the others a provider's (RFC 6598)."""
    loss: float = 0.0
    """Random loss per packet, both directions, client leg only."""
    clock_shift_s: int = 0
    """Shift of the world's clock (certificate dates, HTTP Date) against the machine's."""
    cc: str = VANTAGE_CC
    """The country that the client is configured to be in."""
    door_hops: int = 0
    """So many of the routers, those next to the servers, are the operator's own whose server it is."""
    client4_later: str = ""
    """The client's public IPv4 address after `address_changes`; empty: it keeps the one it has."""
    carrier_hop: int = 1
    """1-based hop at which the carrier's own box sits, if it has one."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """Address -> whose it is; an address that is not named is nobody else's either."""

    @property
    def clients(self) -> tuple[str, ...]:
        """Every address under which the client is seen."""
        return tuple(filter(None, (self.client4, self.client6, self.client4_later)))

    @property
    def door(self) -> int:
        """The last router that paths to all operators pass."""
        return self.hops - self.door_hops


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the middlebox on the client's path: when it fires and what it does.

    Triggers, actions and the parameters of each are documented in `probe_lab.box.actions`.
    """

    trigger: str
    match: tuple[str, ...]
    """Names, addresses, `address:port` or words, as the trigger wants them; empty for those that want none."""
    action: str
    params: Mapping[str, Value] = field(default_factory=dict)
    block_type: str = ""
    """The truth that this rule stands for; written to the log with each firing. Empty: not censorship."""
    alias: str = ""
    """The drawn alias it concerns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something wrong with the world itself: servers, resolver, helpers. Kinds: `probe_lab.servers.faults`."""

    kind: str
    match: tuple[str, ...] = ()
    """Host names or addresses it concerns; empty: everything."""
    params: Mapping[str, Value] = field(default_factory=dict)
    block_type: str = ""
    """Set when the fault is an act of censorship (a lying resolver); then each act is logged as truth."""
    alias: str = ""


EVERYWHERE = "*"
"""In place of a country: clients of every country, helpers too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What an operator's own front does to whoever comes from some countries. It accuses nobody."""

    rule: Rule
    """What it does and when, as a middlebox would; without a block type."""
    hosts: tuple[str, ...]
    """Addresses that it stands before."""
    countries: tuple[str, ...]
    """Clients of these countries meet it."""
    at_door: bool = False
    """It stands before the first of the operator's own routers rather than beside the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program of others that runs somewhere in the laboratory."""

    setup: tuple[str, ...] = ()
    """Command lines run there one after another before anything is measured, each to its end."""
    program: str = ""
    """Command line that runs until the laboratory ends; empty: what `setup` left in the kernel acts."""
    ready: str = ""
    """A regular expression; the program is up when a line of its output matches. Empty: as soon as it runs."""
    needs: tuple[str, ...] = ()
    """Programs that must be installed."""
    certificates: tuple[str, ...] = ()
    """Names for each of which a file `NAME.pem` lies in its folder: a certificate of the world's authority, and key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Censor(Program):
    """A program of others that censors: it runs in a namespace on the client's path whose kernel forwards."""

    match: tuple[str, ...] = ()
    """Names and addresses of those whom it censors."""
    counters: str = ""
    """iptables or nft: rules that refuse packets count them, and a count that has risen is an act."""
    log: str = ""
    """A regular expression: each line of the program's output that it matches is an act. Its groups `name` and
    `address`, where it has them, say whom it concerned."""
    block_type: str = ""
    """The truth that its acts stand for."""
    alias: str = ""
    """The drawn alias that it concerns."""


ROLE = "role:"
"""Prefix of an expectation's subject that is a role of a service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """What the verdict rows of some targets must say, at one evidence level or at any."""

    of: str
    """`@alias`, `*` (every target), `run`, a role as `role:telegram.chat`, or a protocol class
    `proto:http` / `proto:https` / `proto:dns` ..."""
    outcomes: tuple[str, ...]
    """Accepted outcomes; usually one."""
    block_types: tuple[str, ...] = ()
    """Accepted causes: any of them, or an ancestor that has `min_depth` components."""
    below: tuple[str, ...] = ()
    """Those of them that stand for everything below them as well."""
    min_depth: int = 1
    also: tuple[str, ...] = ()
    """Further causes that the row must name behind the first, each itself or an ancestor."""
    scope: str = ""
    """What the row's scope must be; empty: anything."""
    unless_fired: tuple[str, ...] = ()
    """Outcomes accepted instead of all this for a target that the truth log shows no act against."""
    level: str = "any"
    partial: bool | None = None
    """Of a role: whether it must be blocked in part; None: anything."""
    endpoints: tuple[str, ...] = ()
    """Of a role: aliases of those that must be called blocked, and no others; empty: anything."""

    def causes_in_words(self) -> str:
        """The accepted causes as a scenario file writes them."""
        return " or ".join(f"{path}+" if path in self.below else path for path in self.block_types)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnScenario:
    """A scenario with every range and every alias resolved by one seed."""

    name: str
    title: str
    kind: str
    """censorship or innocent."""
    seed: int
    world: World
    rules: tuple[Rule, ...]
    faults: tuple[Fault, ...]
    censor: Censor | None = None
    """A program of others on the client's path, besides the rules."""
    carrier: tuple[Rule, ...] = ()
    """What the client's own network does to its customers, without block types."""
    fronts: tuple[Front, ...] = ()
    """What operators' own fronts do at the far end; of what their servers say, there are `faults`."""
    front_program: Program | None = None
    """A program of others in the servers' network, in front of some of them."""
    situation: str = ""
    """The class of situations that it belongs to."""
    expects: tuple[Expect, ...]
    aliases: Mapping[str, tuple[str, ...]]
    """alias -> inputs (endpoint URLs) of the catalogue that were drawn."""
    targets: tuple[str, ...]
    """Inputs that a run of this scenario measures (the drawn ones and some innocent company)."""


class WireEnd(Protocol):
    """One end of a wire into the router: whole IP packets, never blocking."""

    def fileno(self) -> int: ...
    def read(self) -> bytes | None: ...

    """The next packet, or None when there is none now."""

    def write(self, packet: bytes) -> None: ...
