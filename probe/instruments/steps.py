"""What a run can do next: steps are values, so the planner is pure and a step that was taken is known by equality."""

from __future__ import annotations

from dataclasses import dataclass, field

from probe.catalogue.sites import Page
from probe.core.endpoints import Expectation
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.handshakes import SpokenProtocol
from probe.core.tables.protocols import DatagramKind, LocateKind
from probe.core.tables.purposes import Purpose
from probe.core.tables.resolvers import Channel
from probe.core.tables.shapes import ProgramShape, ShapeName
from probe.core.tables.trust import TrustPolicy
from probe.core.tables.words import Empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """Ask one channel for a name: system, network, public, tcp, doh, dot or dark; for its SOA: zone; for its HTTPS
    record: https, https_dark or https_doh."""

    channel: Channel
    name: str
    server: str = ""
    """Address of the resolver, or the operator's name for doh; empty for system."""
    attempt: int = 1
    about: str = ""
    """For channels `alive`, `again`, `zone` and `https_dark`: the name whose failing, or whose answer, made us ask;
    empty: it serves several."""
    not_before_s: float = field(default=0.0, compare=False)
    """Moment of the run before which it must not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Go to one address, as whom, and ask there. `sni` empty: no TLS; `pages` empty: no HTTP."""

    purpose: Purpose
    address: str
    port: int
    hostname: str
    source: AddressSource | Empty = ""
    attempt: int = 1
    sni: str = ""
    alpn: tuple[str, ...] = ()
    trust: TrustPolicy = "none"
    needs_alpn: bool = False
    """The endpoint is reached only with one of `alpn` selected."""
    until_server_hello: bool = False
    shape: ShapeName | Empty = ""
    """Of the ClientHello (`probe.core.tables.shapes`): it is sent, and nothing but the first answer is read. Empty: the
    library's own."""
    pages: tuple[Page, ...] = ()
    read_on_bytes: int = 0
    """Of the first large page, read so much in all: it shows whether volume flows, and costs no connection."""
    rest_bytes: int = 0
    """Without that, and before small records, a large page is read to its end if no more than this is left of it."""
    planned: bool = field(default=False, compare=False)
    """It is made whatever the attempts before it met."""
    may_be_left_out: bool = field(default=False, compare=False)
    """It is not worth waiting for."""
    ends_stream: bool = False
    """At last our side of the stream is ended, and the acknowledgement of that is waited for."""
    stay_s: float = 0.0
    """So long the connection is kept once all else is said; 0: not at all."""
    stay_host: str = ""
    """Whom HEAD requests name meanwhile; empty: nothing is said."""
    small_records: bool = False
    """Once all else is said and the connection goes on, the beginning of a request is sent in records of two bytes."""
    app: SpokenProtocol | Empty = ""
    """A messenger's protocol whose first words are said (`probe.core.tables.handshakes`); empty: none."""
    app_name: str = ""
    """The domain or host that they name, and that TLS after STARTTLS is asked for."""
    app_url: str = ""
    """The endpoint's URL, for words that go over HTTP."""
    expect: Expectation = Expectation()
    """What the catalogue says of the answer to them."""
    target_id: str = ""
    input: str = ""
    not_before_s: float = field(default=0.0, compare=False)
    """Moment of the run before which it must not start."""
    connect_timeout_s: float = 6.0
    tls_timeout_s: float = 6.0
    http_timeout_s: float = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowRedirect:
    """Follow a redirect that was served in the clear, one step."""

    input: str
    target_id: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskControl:
    """Ask one control about one endpoint and these addresses; once, whatever addresses turn up later."""

    control_id: str
    input: str
    addresses: tuple[str, ...] = field(compare=False)
    volume: str = ""
    """Address from which the control shall take a transfer; empty: none."""
    shape: ProgramShape | Empty = ""
    """Of the ClientHello that is all it shall send, to those addresses; empty: it asks as always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpTrace:
    """See how far connection attempts to an address get. Purpose `trace`: where they fail; `reference`: where not."""

    purpose: Purpose
    address: str
    port: int
    together: bool = field(default=False, compare=False)
    """All at once, in a run that need not spread its flows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuicVisit:
    """Shake hands over QUIC at one address, as whom, and stay a while: some boxes drop only what comes later."""

    purpose: Purpose
    address: str
    port: int
    hostname: str
    source: AddressSource | Empty = ""
    attempt: int = 1
    sni: str
    alpn: tuple[str, ...] = ("h3",)
    trust: TrustPolicy = "none"
    target_id: str = ""
    input: str = ""
    timeout_s: float = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionProbe:
    """Ask an address for a version of QUIC that does not exist: whoever serves QUIC there says which it has."""

    address: str
    port: int
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StunBinding:
    """Send one address a series of STUN Binding requests, far enough apart to count how many are answered."""

    purpose: Purpose
    address: str
    port: int
    hostname: str
    source: AddressSource | Empty = ""
    attempt: int = 1
    target_id: str = ""
    input: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpTrace:
    """See how far datagrams to an address get. `protocol` quic or stun: what they say, so that boxes take them for
    the same. Purpose `trace`: where requests are lost; `reference`: where not."""

    purpose: Purpose
    address: str
    port: int
    protocol: DatagramKind
    together: bool = field(default=False, compare=False)
    """All at once, in a run that need not spread its flows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Take some volume from one address under one server name, and see how fast and how far it flows."""

    purpose: Purpose
    """sample: the target itself; yardstick: what it is compared with."""
    address: str
    port: int
    sni: str
    url: str
    """What is asked for, again and again on one connection; its host goes into the Host header."""
    input: str
    """The endpoint for whose sake it is done, also where the volume comes from elsewhere."""
    target_id: str = ""
    attempt: int = 1
    chunked: bool = False
    """Many packets and few bytes: one HEAD request, written two bytes at a time."""
    once: bool = False
    """One request and no more."""
    connect_timeout_s: float = 6.0


Question = Visit | QuicVisit | Lookup
"""A step whose first bytes can be said with small TTLs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocateHop:
    """Find the hop at which what `asked` says is interfered with: the bytes of the very step that failed are said with
    small TTLs, and those of `control`, an innocent one, tell its effect from everybody's."""

    kind: LocateKind
    address: str
    port: int
    asked: Question
    control: Question
    input: str
    query_type: str = "A"
    """Of questions for names."""
    cause: str = field(default="", compare=False)
    """Whose name is asked for and how it fails: stage, failure, and whether it was acknowledged. Names of one owner
    that fail alike are taken for one box's doing in a run that must be over soon."""
    together: bool = field(default=False, compare=False)
    """All at once, in a run that need not spread its flows."""

    @property
    def name(self) -> str:
        """Whom `asked` is for, as the rows of the search call it."""
        return read_asked_name(self.asked)

    @property
    def control_name(self) -> str:
        """Whom `control` is for."""
        return read_asked_name(self.control)


def read_asked_name(asked: Question) -> str:
    """The name that a question says, or the address that it goes to."""
    if isinstance(asked, Lookup):
        return asked.name
    return asked.sni or asked.hostname or asked.address


Datagrams = QuicVisit | VersionProbe | StunBinding | UdpTrace
Step = Lookup | Visit | FollowRedirect | AskControl | TcpTrace | Transfer | Datagrams | LocateHop
