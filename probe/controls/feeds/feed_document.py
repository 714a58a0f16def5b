"""The signed control feed: one JSON object that says what one vantage saw of every endpoint, and when. Pure.

A feed of a trusted key may still be wrong, of another program's version, or kept by a mirror for too long: every field
is bounded, and what is no address, no word or no number is no feed.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

import msgspec

from probe.core.json_decoders import decode_json

FORMAT = 1
MAX_BYTES = 4 << 20
MAX_ENTRIES = 5000
MAX_PLACES = 16
MAX_ADDRESSES = 32

Word = Annotated[str, msgspec.Meta(pattern=r"^([a-z][a-z0-9_]{0,63})?\Z")]
Text = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\Z")]
Header = Annotated[str, msgspec.Meta(pattern=r"^[!#$%&'*+.^_`|~0-9a-z-]{1,64}\Z")]
Ja4 = Annotated[str, msgspec.Meta(pattern=r"^(t[0-9]{2}[di][0-9]{4}[0-9A-Za-z]{2}_[0-9a-f]{12}_[0-9a-f]{12})?\Z")]
Address = Annotated[str, msgspec.Meta(max_length=45)]
Key = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?\Z")]
Code = Annotated[str, msgspec.Meta(pattern=r"^(?!ZZ)[A-Z]{2}\Z")]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=86_400)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
CROWD_ASN, CROWD_CC = 4_200_000_000, "XZ"
"""What a crowd's feed says where a vantage names its network and country: a number for private use (RFC 6996), and a
code that ISO 3166 leaves to users. Readers who do not know of crowds take it for one vantage."""


class FeedError(ValueError):
    """A feed cannot be used; the text says why, in one sentence without its end."""


class FeedPlace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One address and port of an endpoint. Words: None, not known; empty, it worked; else the failure (df-007)."""

    ip: Address
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)]
    tcp: Word | None = None
    tls: Word | None = None
    udp: Word | None = None
    """A QUIC handshake or a STUN binding."""
    app: Word | None = None
    """Of a messenger's own first words: the proof in the answer (`probe.core.tables.handshakes`), or the failure."""
    key: Key = ""
    """SHA-256 of the leaf certificate's SubjectPublicKeyInfo."""
    ja4: Ja4 = ""
    """Of the ClientHello that was sent."""
    served_in: Annotated[tuple[Code, ...], msgspec.Meta(max_length=16)] = ()
    """Countries in which somebody was served there under the service's own name, where the feed tells of several."""


class FeedPage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a request was answered with."""

    failure: Word = ""
    status: Annotated[int, msgspec.Meta(ge=0, le=599)] = 0
    title: Text = ""
    bytes: Annotated[int, msgspec.Meta(ge=0, le=1 << 40)] = 0
    """Of the body, as far as it was read."""
    headers: Annotated[tuple[Header, ...], msgspec.Meta(max_length=40)] = ()
    location: Text = ""
    met: Literal["", "yes", "no"] = ""
    """Whether it was what the catalogue expects; empty: nothing is expected."""


class CrowdFigure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many stand behind a word, each rounded down to a coarse step; 0: fewer than may be told."""

    probes: Count = 0
    networks: Count = 0
    countries: Count = 0


class CrowdCounts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the endpoint worked for volunteers, and where it failed."""

    worked: CrowdFigure = CrowdFigure()
    failed: CrowdFigure = CrowdFigure()


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """Whose measurements a feed of a crowd is made of."""

    day: datetime.date
    """Whose members these are: who belongs to them is settled once a day."""
    members: CrowdFigure


class FeedEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One endpoint."""

    input: Annotated[str, msgspec.Meta(max_length=2000, pattern=r"^[\x21-\x7e]+\Z")]
    """Its URL in the catalogue."""
    at: Seconds
    """When the last of it was measured: seconds after the feed's `begun`."""
    state: Literal["ok", "fails", "unclear"]
    """unclear: the vantage itself may be hindered; its word counts for nothing."""
    proof: Literal["", "tcp", "tls", "http", "app", "quic", "stun", "dns"] = ""
    """The strongest exchange that was answered."""
    since: datetime.date | None = None
    """Since when it has looked like this: state, status, title and keys."""
    dns_failure: Word = ""
    """Why the name has no address, where trusted resolvers say so too."""
    addresses: Annotated[tuple[Address, ...], msgspec.Meta(max_length=MAX_ADDRESSES)] = ()
    """Of the name, as the vantage knows it."""
    places: Annotated[tuple[FeedPlace, ...], msgspec.Meta(max_length=MAX_PLACES)] = ()
    page: FeedPage | None = None
    crowd: CrowdCounts | None = None
    """Of a crowd's feed."""


class Feed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that is signed."""

    format: Literal[1]
    name: Name
    """Of the vantage; it stands in the results of whoever uses it."""
    asn: Annotated[int, msgspec.Meta(ge=1, le=4_294_967_295)]
    cc: Code
    begun: datetime.datetime
    """When the measuring began."""
    made: datetime.datetime
    """When the feed was made; it rises with each, and nobody goes back to an earlier one."""
    catalogue: Text = ""
    software: Text = ""
    crowd: Crowd | None = None
    """Where volunteers in many countries stand in the place of a vantage."""
    entries: Annotated[tuple[FeedEntry, ...], msgspec.Meta(max_length=MAX_ENTRIES)]

    @property
    def control_id(self) -> str:
        """How it is called in results."""
        return f"feed-{self.name}"

    def entry(self, url: str) -> FeedEntry | None:
        """What it says of this endpoint."""
        return next((entry for entry in self.entries if entry.input == url), None)


class _Form(msgspec.Struct, frozen=True):
    """What is read of a feed of any format."""

    format: int


def read_feed(raw: bytes) -> Feed:
    """The feed in these bytes. Raises FeedError, whatever they are."""
    if len(raw) > MAX_BYTES:
        raise FeedError(f"it is larger than {MAX_BYTES} bytes")
    try:
        form = decode_json(raw, _Form)
        if form.format != FORMAT:
            raise FeedError(f"it is of format {form.format} and this program reads {FORMAT}: install a newer one")
        feed = decode_json(raw, Feed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise FeedError(f"it is no control feed as this program knows it: {str(error)[:200]}") from None
    if feed.made.tzinfo is None or feed.begun.tzinfo is None:
        raise FeedError("its times have no zone")
    if not datetime.timedelta() <= feed.made - feed.begun <= datetime.timedelta(days=1):
        raise FeedError("it was made before it was begun, or more than a day after")
    if (feed.crowd is not None) != ((feed.asn, feed.cc) == (CROWD_ASN, CROWD_CC)):
        raise FeedError("it is half a crowd's feed and half a vantage's")
    if len({entry.input for entry in feed.entries}) != len(feed.entries):
        raise FeedError("it tells of an endpoint twice")
    return feed


def write_feed(feed: Feed) -> bytes:
    """The bytes to be signed, with one entry a line. Raises FeedError for what `read_feed` would refuse."""
    head = msgspec.json.encode(msgspec.structs.replace(feed, entries=())).removesuffix(b"[]}")
    raw = head + b"[\n" + b",\n".join(map(msgspec.json.encode, feed.entries)) + b"\n]}\n"
    if read_feed(raw) != feed:
        raise FeedError("it does not read as it was written")
    return raw


def fit_text(text: str) -> str:
    """A server's text as a feed may hold it."""
    return "".join(char if char.isprintable() else " " for char in text[:500])


def is_header_name(name: str) -> bool:
    """Whether a feed may hold this name of a header."""
    return 0 < len(name) <= 64 and all(c.isascii() and (c.isalnum() or c in "!#$%&'*+.^_`|~-") for c in name)
