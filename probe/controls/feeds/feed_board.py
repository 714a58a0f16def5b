"""What signed feeds say of one endpoint now: several vantages together, each as far as its age allows. Pure.

A word counts for two hours. That something works convicts only where it lies between two failures of our own: a service
that has failed since then fails here as everywhere, and who held an earlier success against it would take every outage
for a block. After two hours all is nothing. Not even addresses are tried then: a service that is reached at one of them
alone, which no resolver here gives, would look well and is not.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec

from probe.controls.feeds.feed_document import Feed, FeedEntry, FeedPlace
from probe.core.addresses import is_bogon, parse_address
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe.core.tables.control_sources import FEED
from probe.core.tables.failures import open_failure
from probe.core.tables.handshakes import GENUINE_PROOFS

FRESH_S = 2 * 3600
"""How long a word counts."""
MAX_AHEAD_S = 300
"""By how much a feed's clock may be ahead of ours."""
_SECOND = datetime.timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedBoard:
    """The feeds of a run, and whose networks its live helpers speak for already."""

    feeds: tuple[Feed, ...] = ()
    helpers: tuple[tuple[int, str], ...] = ()
    """(asn, cc) of helpers that the run asks."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The control ids, each once."""
        return tuple(dict.fromkeys(feed.control_id for feed in self.feeds))

    @property
    def vantages(self) -> int:
        """How many feeds and helpers stand in different networks and countries, and two for a crowd: as many as can say
        that a service is down."""
        taken: list[tuple[int, str]] = []
        crowds = sum(feed.crowd is not None for feed in self.feeds)
        for asn, cc in (*self.helpers, *((feed.asn, feed.cc) for feed in self.feeds)):
            if all(asn != one and cc != other for one, other in taken):
                taken.append((asn, cc))
        return len(taken) + crowds

    def consult(self, control_id: str, endpoint: Endpoint, *, now: datetime.datetime, t_s: float,
                failed: datetime.datetime | None = None) -> ControlAnswer:
        """What the feed of this id says of the endpoint at `now`; `t_s` is the run's own time. `failed` is when the
        run before this one had found that the endpoint fails; None where it had not."""
        mine = next(feed for feed in self.feeds if feed.control_id == control_id)
        entry = mine.entry(endpoint.input)
        age_s = age_of(mine, entry, now) if entry else int((now - mine.made) / _SECOND)
        blank = ControlAnswer(control_id=control_id, asn=mine.asn, cc=mine.cc, networks=count_behind(entry),
                              input=endpoint.input, source=FEED, age_s=age_s, state="refused", t0_s=t_s, t_s=t_s)
        if entry is None:
            return replace(blank, reason="the feed has nothing of this endpoint")
        if age_s < -MAX_AHEAD_S:
            return replace(blank, reason="the feed is dated after this device's clock")
        if age_s > FRESH_S:
            return replace(blank, reason="the feed is too old to count")
        if entry.state == "unclear":
            return replace(blank, reason="the vantage of the feed may be hindered itself")
        if _tells_failures(entry) and not self._speaks_for_itself(mine, endpoint.input, now):
            if entry.state == "fails":
                return replace(blank, reason="another vantage of this network or country says so already")
            entry = _without_failures(entry)
        measured = now - age_s * _SECOND
        if failed is not None and measured >= failed + MAX_AHEAD_S * _SECOND:
            return answer_of(entry, blank)
        return answer_of(_without_successes(entry), replace(blank, before=True))

    def _speaks_for_itself(self, feed: Feed, url: str, now: datetime.datetime) -> bool:
        """Whether its failure is news: two vantages of one network or country are one, whether as feeds or helpers."""
        if any(feed.asn == asn or feed.cc == cc for asn, cc in self.helpers):
            return False
        taken: list[Feed] = []
        for other in self.feeds:
            entry = other.entry(url)
            if entry is None or not _tells_failures(entry) or entry.state == "unclear":
                continue
            if not -MAX_AHEAD_S <= age_of(other, entry, now) <= FRESH_S:
                continue
            if all(other.asn != one.asn and other.cc != one.cc for one in taken):
                taken.append(other)
        return feed in taken


def count_behind(entry: FeedEntry | None) -> int:
    """In how many networks and countries an entry was seen so; 1 for a vantage's own."""
    if entry is None or entry.crowd is None:
        return 1
    counts = entry.crowd.failed if entry.state == "fails" else entry.crowd.worked
    return max(1, min(counts.networks, counts.countries))


def age_of(feed: Feed, entry: FeedEntry, now: datetime.datetime) -> int:
    """Seconds since this was measured."""
    return int((now - feed.begun) / _SECOND) - entry.at


def answer_of(entry: FeedEntry, blank: ControlAnswer) -> ControlAnswer:
    """An entry that counts, as a helper would have answered."""
    page = entry.page
    outcomes = {word: tuple((where(place), open_failure(said)) for place in usable(entry)
                            if (said := getattr(place, word)) is not None) for word in ("tcp", "tls", "udp", "app")}
    return replace(
        blank, state="answered", dns_failure=open_failure(entry.dns_failure), addresses=_addresses(entry.addresses),
        tcp=outcomes["tcp"], tls=outcomes["tls"], udp=outcomes["udp"], app=outcomes["app"],
        leaf_keys=tuple((where(place), place.key) for place in usable(entry) if place.key),
        served_in=tuple((where(place), cc) for place in usable(entry) for cc in place.served_in),
        ja4s=tuple((where(place), place.ja4) for place in usable(entry) if place.ja4),
        http_failure=open_failure(page.failure) if page else None, http_status=page.status if page else 0,
        http_title=page.title if page else "", http_body_bytes=page.bytes if page else 0,
        http_header_names=page.headers if page else (), http_location=page.location if page else "",
    )


def usable(entry: FeedEntry) -> Iterator[FeedPlace]:
    """Its places at addresses that a public service can have."""
    return (place for place in entry.places if parse_address(place.ip) is not None and not is_bogon(place.ip))


def where(place: FeedPlace) -> Place:
    """Its address in canonical form, and its port."""
    return Place(str(parse_address(place.ip)), place.port)


def _tells_failures(entry: FeedEntry) -> bool:
    return entry.state == "fails" or _without_failures(entry) != entry


def _without_failures(entry: FeedEntry) -> FeedEntry:
    """What worked alone."""
    places = tuple(msgspec.structs.replace(
        place, tcp=_read_success(place.tcp), tls=_read_success(place.tls), udp=_read_success(place.udp),
        app=place.app if place.app in GENUINE_PROOFS else None) for place in entry.places)
    page = None if entry.page and entry.page.failure else entry.page
    return msgspec.structs.replace(entry, dns_failure="", places=places, page=page)


def _without_successes(entry: FeedEntry) -> FeedEntry:
    """What failed alone, where the name led, and the page, for comparing."""
    places = tuple(msgspec.structs.replace(
        place, tcp=place.tcp or None, tls=place.tls or None, udp=place.udp or None,
        app=None if place.app in GENUINE_PROOFS else place.app, served_in=()) for place in entry.places)
    return msgspec.structs.replace(entry, places=places)


def _read_success(word: str | None) -> str | None:
    return None if word else word


def _addresses(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(a) for text in texts if (a := parse_address(text)) is not None
                               and not is_bogon(text)))
