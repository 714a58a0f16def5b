"""What each member of a crowd said of each endpoint, counted as it is read: nothing else of a run is kept. Pure."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from probe.controls.feeds.feed_document import Feed, FeedEntry, FeedPlace
from probe.core.tables.handshakes import GENUINE_PROOFS
from probe_operate.feeds.crowd_members import Member

Word = Literal["tcp", "tls", "udp", "app"]
WORDS: tuple[Word, ...] = ("tcp", "tls", "udp", "app")
Vote = tuple[str, ...]
"""What was said: a kind (`state`, `proof`, `address`, `place`, `key`, `ja4`, `page`, `header`) and its values."""
WORKED: Final[Vote] = ("state", "ok")
FAILED: Final[Vote] = ("state", "fails")
_OF_PAGE = ("failure", "status", "title", "location", "met")


@dataclass(slots=True, kw_only=True)
class EndpointVotes:
    """Of one endpoint. Who said something is an integer with a bit for each member."""

    asked: int = 0
    votes: dict[Vote, int] = field(default_factory=dict)
    times: dict[int, float] = field(default_factory=dict)
    """Bit of a member -> when it measured, seconds after the beginning of the window."""
    bytes: dict[int, int] = field(default_factory=dict)
    """Bit -> size of the page."""

    def who(self, vote: Vote) -> int:
        """Who said so."""
        return self.votes.get(vote, 0)

    def of_kind(self, *head: str) -> Iterator[tuple[Vote, int]]:
        """What was said that begins so, the commonest first."""
        found = [(vote[len(head):], who) for vote, who in self.votes.items() if vote[:len(head)] == head]
        return iter(sorted(found, key=lambda one: (-one[1].bit_count(), one[0])))


class CrowdVotes:
    """Counts feeds of single runs; of several by one member the first that is given decides about an endpoint."""

    def __init__(self, members: Sequence[Member], *, begun: datetime.datetime, ends: datetime.datetime) -> None:
        self.members = tuple(members)
        self.begun = begun
        self.length_s = (ends - begun).total_seconds()
        self._bits = {member: bit for bit, member in enumerate(self.members)}
        self._endpoints: defaultdict[str, EndpointVotes] = defaultdict(EndpointVotes)

    @property
    def endpoints(self) -> Mapping[str, EndpointVotes]:
        """Input -> what was said of it."""
        return self._endpoints

    def add(self, member: Member, made: Feed) -> None:
        """Count what one run of a member found."""
        bit = self._bits[member]
        since_s = (made.begun - self.begun).total_seconds()
        for entry in made.entries:
            votes = self._endpoints[entry.input]
            if votes.asked >> bit & 1:
                continue
            votes.asked |= 1 << bit
            if entry.state == "unclear":
                continue
            votes.times[bit] = min(max(0.0, since_s + entry.at), self.length_s)
            if entry.page is not None and entry.page.status:
                votes.bytes[bit] = entry.page.bytes
            for vote in _list_votes(entry):
                votes.votes[vote] = votes.votes.get(vote, 0) | 1 << bit


def is_success(word: Word, said: str) -> bool:
    """Whether a word of a place says that it worked."""
    return said in GENUINE_PROOFS if word == "app" else not said


def _list_votes(entry: FeedEntry) -> Iterator[Vote]:
    yield "state", entry.state
    yield "proof", entry.proof
    if entry.dns_failure:
        yield "dns_failure", entry.dns_failure
    for address in entry.addresses:
        yield "address", address
    for place in entry.places:
        yield from _list_place_votes(place)
    if entry.page is not None:
        for name in _OF_PAGE:
            yield "page", name, str(getattr(entry.page, name))
        for header in entry.page.headers:
            yield "header", header


def _list_place_votes(place: FeedPlace) -> Iterator[Vote]:
    where = place.ip, str(place.port)
    for word in WORDS:
        if (said := getattr(place, word)) is not None:
            yield "place", *where, word, said
    for kind in ("key", "ja4"):
        if value := getattr(place, kind):
            yield kind, *where, value
