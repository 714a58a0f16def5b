"""What the planner may use in a run, and what it knows of a site so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from probe.core.observations import ControlAnswer, Observation
from probe.core.tables.protocols import DatagramKind
from probe.judge.flow.slow_pages import Where
from probe.session.planning.flow_suspects import FlowContext
from probe.session.planning.loss_suspects import LossContext
from probe.session.planning.rotation import RotationShare
from probe.session.planning.struck_shapes import StruckShapes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanContext:
    """What the planner may use in this run."""

    network_resolver: str = ""
    public_resolver: str = ""
    dark_server: str = ""
    nowhere: str = ""
    """An address that nobody has, and that therefore runs no resolver."""
    doh: tuple[str, ...] = ()
    """Names of the DoH operators to ask."""
    https_compared: tuple[str, ...] = ()
    """Names whose HTTPS record a trusted resolver is asked for in any case, so that a run finds what is taken away."""
    dot: tuple[str, ...] = ()
    """Names of operators to ask over TLS where DoH does not give two answers, other operators than DoH's first."""
    controls: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    """Controls whose word is at hand: signed feeds. Asking them sends nothing."""
    public: tuple[str, ...] = ()
    """Controls that see this device's address and belong to others: asked of nothing but what failed throughout."""
    families: tuple[int, ...] = (4,)
    ipv6_broken: bool = False
    innocent: str = "www.example.com"
    planned: int = 1
    """Connections to each target of the core that are made whatever those before them meet."""
    watched: frozenset[str] = frozenset()
    """Targets some connections to which were in trouble in earlier runs: more of them are planned there, and of
    innocent ones beside them."""
    attempts: int = 3
    quick_attempts: int = 5
    """Tries where a handshake or a page is cut off at once: a flaky server does that now and then, and it costs
    no time."""
    addresses_per_family: int = 2
    everywhere: bool = False
    """Whether each of a site's addresses gets a handshake: for those who will be led to others than we."""
    slots_s: tuple[float, ...] = ()
    """How long after a failure, in seconds, the later time slots begin in which it is looked at again."""
    nat64_prefix: str = ""
    ours: tuple[str, ...] = ()
    """This device's own addresses: what lies near them is neither visited nor named to a control."""
    timeout_s: float = 6.0
    """For a connection, and for an answer to a ClientHello; a page gets two seconds more. Controls wait less
    (`probe_operate.helper.helper_engine`): a server that takes its time, whoever asks, would be silent towards us
    alone. Both stop before ten seconds, when many servers end a connection whose first bytes were dropped."""
    together: bool = False
    """The run need not spread its flows."""
    known_good: tuple[str, ...] = ()
    """Inputs that answer everywhere, by which helpers are tried; the first that answered here is taken."""
    known_absent: tuple[str, ...] = ()
    """Inputs at which nothing answers anywhere."""
    agreed: tuple[tuple[str, int], ...] = ()
    """Addresses and ports of servers whose operators agreed to be asked for foreign names."""
    agreed_helpers: tuple[tuple[str, int], ...] = ()
    """The same of helpers, in different networks; none where there are fewer than it takes."""
    names_due: bool = False
    """Whether all else is done, so that these helpers may be asked."""
    consent_level: int = 1
    """What the volunteer agreed to: 2 adds messengers' own handshakes, 3 large transfers, QUIC and looks at the
    path."""
    search_level: int = 3
    """The level from which a blocked name is said again to find the hop that blocks it."""
    transfers: bool = True
    """Whether the line may carry more than ordinary pages."""
    punished: Mapping[str, float] = field(default_factory=dict)
    """Target -> the second of this run before which it is not named, of those whose address a run of the last day saw
    punished for the name. 0: the punishment is over, or this run is too short to wait for that."""
    share: RotationShare | None = None
    """What this run takes of the catalogue by turns; None: everything each time."""
    thorough: bool = True
    """Whether it is this site's turn to be asked for how long something stays behind."""
    may_search: bool = True
    """Whether it is its turn to be asked where it is interfered with."""
    programs: bool = False
    """Whether it is the site's turn for what is done once a day: a hello in the shape of a program that people use, and
    small records."""
    draw: int = 0
    """Drawn for the run: it decides which program that is, and whether it goes first."""
    struck: StruckShapes = field(default_factory=StruckShapes)
    """Programs' shapes that are struck at some site, and whom to ask in them besides."""
    flow: FlowContext = field(default_factory=FlowContext)
    """Whose transfers to look at."""
    slow: frozenset[Where] = frozenset()
    """Where a page came that took long beside those of others: it is asked for again."""
    stays: frozenset[str] = frozenset()
    """Inputs of endpoints of which one connection is kept for a while."""
    loss: LossContext = field(default_factory=LossContext)
    """Whose connections to try in turns with others'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteHistory:
    """What is known of one site so far."""

    dns: tuple[Observation, ...] = ()
    visits: tuple[Observation, ...] = ()
    """Connects, handshakes and pages of the site itself, at any address."""
    around: tuple[Observation, ...] = ()
    """Innocent names and other ports at the site's addresses, whoever asked them, before and after failures."""
    controls: tuple[ControlAnswer, ...] = ()
    elsewhere: tuple[tuple[str, int], ...] = ()
    """Addresses and ports of others that accept connections."""
    elsewhere_udp: tuple[tuple[str, int, DatagramKind], ...] = ()
    """Addresses, ports and protocols of others that answer datagrams."""
    flows: tuple[Observation, ...] = ()
    """Transfers for the sake of this site."""
    turns: tuple[Observation, ...] = ()
    """Exchanges in turns with others, and connections that were kept, for the sake of this site."""
    searches: tuple[Observation, ...] = ()
    """Rows of searches for the hop at which the site is interfered with."""
    traces: tuple[Observation, ...] = ()
    """These, and all else that tells of the way: how far packets get, for the site and for others."""
