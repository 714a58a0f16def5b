"""From what many volunteers said to a feed: only what enough of them say, in numbers that are rounded. Pure.

Nothing in it is the word of one volunteer: an address, a key, a title or a word stands there where five volunteers in
three countries saw the same. What fails counts where it does for nearly all, in five countries. When it was measured is
the latest moment since which as many have said so, rounded down.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_
from statistics import median_low

from probe.controls.feeds.feed_document import (
    CROWD_ASN,
    CROWD_CC,
    MAX_ADDRESSES,
    MAX_ENTRIES,
    MAX_PLACES,
    Crowd,
    CrowdCounts,
    Feed,
    FeedEntry,
    FeedError,
    FeedPage,
    FeedPlace,
)
from probe.core.tables.protocols import SiteKind
from probe.core.tables.words import Empty
from probe_operate.feeds.crowd_figures import FAILING_COUNTRIES, LEAST_COUNTRIES, CrowdSpread
from probe_operate.feeds.crowd_votes import FAILED, WORDS, WORKED, CrowdVotes, EndpointVotes, Word, is_success
from probe_operate.feeds.feed_learning import PROOFS, add_since

SLOT = datetime.timedelta(minutes=30)
SLOTS = 2
"""A feed is made of the last whole half-hours: by the clock, so that two of them never differ by less than one."""
STEP_S = 600
"""To which times are rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdHead:
    """The head of a crowd's feed."""

    name: str
    catalogue: str
    software: str
    day: datetime.date
    made: datetime.datetime


def find_window(now: datetime.datetime) -> tuple[datetime.datetime, datetime.datetime]:
    """Begin and end of the time whose runs a feed that is made now is of."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    ends = midnight + (now - midnight) // SLOT * SLOT
    return ends - SLOTS * SLOT, ends


def make_crowd_feed(votes: CrowdVotes, head: CrowdHead, *, before: Feed | None = None) -> Feed:
    """The feed. From `before`, the last one, comes since when each endpoint is in its state.

    Raises FeedError if there are too few volunteers to say anything.
    """
    spread = CrowdSpread(votes.members)
    known = {entry.input: entry for entry in before.entries} if before else {}
    made = (entry for url, endpoint_votes in votes.endpoints.items()
            if (entry := _entry(url, endpoint_votes, spread)) is not None)
    entries = [add_since(entry, known.get(entry.input), votes.begun) for entry in made]
    if not entries:
        raise FeedError("too few established volunteers measured in the last hour: what a feed says takes five of them "
                        "in three countries")
    asked = 0
    for endpoint_votes in votes.endpoints.values():
        asked |= endpoint_votes.asked
    return Feed(
        format=1, name=head.name, asn=CROWD_ASN, cc=CROWD_CC, begun=votes.begun,
        made=head.made.replace(microsecond=0), catalogue=head.catalogue, software=head.software,
        crowd=Crowd(day=head.day, members=spread.figure(asked)),
        entries=tuple(sorted(entries, key=lambda entry: entry.input)[:MAX_ENTRIES]))


def _entry(url: str, votes: EndpointVotes, spread: CrowdSpread) -> FeedEntry | None:
    """What is said of one endpoint; None where too few said anything."""
    worked, failed = votes.who(WORKED), votes.who(FAILED)
    counts = CrowdCounts(worked=spread.figure(worked), failed=spread.figure(failed))
    if counts == CrowdCounts():
        return None
    judged = spread.judge(worked, failed)
    if judged == "unclear":
        return FeedEntry(input=url, at=0, state="unclear", crowd=counts)
    said = _Said(votes, spread, worked if judged == "works" else failed, fails=judged == "fails")
    places, page = said.places(), said.page()
    denied = said.commonest("dns_failure")
    if judged == "fails" and not (denied or _tells_failure(places, page)):
        return FeedEntry(input=url, at=0, state="unclear", crowd=counts)
    return FeedEntry(
        input=url, at=int(said.time_s() // STEP_S * STEP_S), state="ok" if judged == "works" else "fails",
        proof=said.proof(), dns_failure=denied if judged == "fails" else "",
        addresses=tuple(said.values("address"))[:MAX_ADDRESSES], places=places, page=page, crowd=counts)


def _tells_failure(places: Iterable[FeedPlace], page: FeedPage | None) -> bool:
    words = ((word, found) for place in places for word in WORDS if (found := getattr(place, word)) is not None)
    return any(not is_success(word, found) for word, found in words) or (
        page is not None and bool(page.failure or page.met == "no"))


class _Said:
    """What the deciding volunteers say of an endpoint. Remembers who stands behind each answer, for `time_s`."""

    def __init__(self, votes: EndpointVotes, spread: CrowdSpread, deciding: int, *, fails: bool) -> None:
        self._votes, self._spread, self._deciding = votes, spread, deciding
        self._behind: list[tuple[int, int]] = [(deciding, FAILING_COUNTRIES if fails else LEAST_COUNTRIES)]

    def who(self, *vote: str) -> int:
        return self._votes.who(vote) & self._deciding

    def values(self, *head: str) -> Iterator[str]:
        """The last part of what enough of them say, the commonest first."""
        return (vote[0] for vote, who in self._votes.of_kind(*head)
                if len(vote) == 1 and self._spread.may_be_published(who & self._deciding))

    def proof(self) -> SiteKind | Empty:
        """The strongest that enough of them got."""
        return next((one for one in PROOFS if self._spread.may_be_published(self.who("proof", one))), "")

    def commonest(self, *head: str) -> str:
        return next(self.values(*head), "")

    def places(self) -> tuple[FeedPlace, ...]:
        """The addresses of which anything is clear, those first that most know."""
        known: dict[tuple[str, str], int] = {}
        for (ip, port, *_), who in self._votes.of_kind("place"):
            known[ip, port] = known.get((ip, port), 0) | who & self._deciding
        found = (self._place(ip, port) for ip, port in sorted(known, key=lambda one: (-known[one].bit_count(), one)))
        return tuple(place for place in found if place is not None)[:MAX_PLACES]

    def _place(self, ip: str, port: str) -> FeedPlace | None:
        words = {word: self._word(ip, port, word) for word in WORDS}
        if all(said is None for said in words.values()):
            return None
        return FeedPlace(ip=ip, port=int(port), tcp=words["tcp"], tls=words["tls"], udp=words["udp"], app=words["app"],
                         key=self.commonest("key", ip, port), ja4=self.commonest("ja4", ip, port))

    def _word(self, ip: str, port: str, word: Word) -> str | None:
        said = [(vote[0], who & self._deciding) for vote, who in self._votes.of_kind("place", ip, port, word)]
        return self._judge_words(said, lambda found: is_success(word, found))

    def _judge_words(self, said: list[tuple[str, int]], succeeds: Callable[[str], bool]) -> str | None:
        """The commonest word of what these words show together; None where that is not clear."""
        well, ill = ([one for one in said if succeeds(one[0]) is good] for good in (True, False))
        worked, failed = (reduce(or_, (who for _, who in side), 0) for side in (well, ill))
        judged = self._spread.judge(worked, failed)
        if judged == "unclear":
            return None
        self._behind.append((worked, LEAST_COUNTRIES) if judged == "works" else (failed, FAILING_COUNTRIES))
        return max(well if judged == "works" else ill, key=lambda one: one[1].bit_count())[0]

    def page(self) -> FeedPage | None:
        """What enough of them were answered with alike."""
        said = [(vote[0], who & self._deciding) for vote, who in self._votes.of_kind("page", "failure")]
        if (word := self._judge_words(said, lambda failure: not failure)) is None:
            return None
        if word:
            return FeedPage(failure=word)
        status = self.commonest("page", "status")
        if not status or status == "0":
            return None
        self._behind.append((self.who("page", "status", status), LEAST_COUNTRIES))
        sizes = [size for bit, size in self._votes.bytes.items() if self._deciding >> bit & 1]
        return FeedPage(
            status=int(status), title=self.commonest("page", "title"), location=self.commonest("page", "location"),
            met=self.commonest("page", "met"), bytes=_two_digits(median_low(sizes)) if sizes else 0,  # type: ignore[arg-type]
            headers=tuple(sorted(self.values("header")))[:40])

    def time_s(self) -> float:
        """The time by which enough volunteers had said everything that is published."""
        return min(self._spread.last_time_of(who, self._votes.times, countries=countries)
                   for who, countries in self._behind)


def _two_digits(number: int) -> int:
    step: int = 10 ** max(0, len(str(number)) - 2)
    return number // step * step
