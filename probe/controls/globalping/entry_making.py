"""From what probes saw to what may be said of an endpoint: an entry as signed feeds have them. Pure.

Two probes in different networks must have seen the same: anybody may run a probe. What counts is that the service
lives there: a connection, a handshake with the name's own certificate, a page that is what the catalogue expects. All
else says nothing, but for this: where nobody in several countries, at home or in a data centre, can open a connection
at all, an address is called shut. That is one control's word, and never two's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from probe.controls.feeds.feed_document import (
    MAX_ADDRESSES,
    MAX_PLACES,
    FeedEntry,
    FeedPage,
    FeedPlace,
    fit_text,
    is_header_name,
)
from probe.controls.globalping.answers import PageSeen, Sighting
from probe.controls.globalping.endpoint_questions import (
    list_own_addresses,
    make_innocent_question,
    make_name_questions,
    make_open_question,
    make_place_question,
)
from probe.controls.globalping.probe_places import COUNTRIES
from probe.controls.globalping.questions import Question
from probe.core.addresses import family_of
from probe.core.endpoints import Endpoint, Expectation
from probe.instruments.address_echoes import remove_addresses
from probe.instruments.streams.expectation_check import find_mismatch
from probe.instruments.streams.http_parts import HttpExchange, read_title

ENOUGH = 2
"""Networks that must agree."""
NOBODY = 3
"""So many networks, in as many countries and with a home's line among them, must all open no connection before an
address may be called shut."""
MAX_SERVED_IN = 16
SHUT = "unknown_failure"
"""Nobody connects; whether they are refused or hear nothing, Globalping does not say."""
Proof = Literal["", "tcp", "tls", "http", "dns"]


class SeenOfQuestion(Protocol):
    """What is known of one question (`probe.controls.globalping.sighting_book.BookedQuestion`)."""

    @property
    def sightings(self) -> tuple[Sighting, ...]: ...

    @property
    def silent(self) -> tuple[Sighting, ...]: ...


Seen = Mapping[Question, SeenOfQuestion]


def list_addresses(endpoint: Endpoint, seen: Seen, more: Iterable[str] = ()) -> tuple[str, ...]:
    """Where to look for it: the catalogue's own, those that somebody failed at, and those of resolvers elsewhere."""
    resolved = (address for question in make_name_questions(endpoint, (4, 6))
                for sighting in _sightings(seen, question) for address in sighting.addresses)
    return tuple(dict.fromkeys((*list_own_addresses(endpoint), *(a for a in more if family_of(a)), *resolved)))


def make_entry(endpoint: Endpoint, addresses: Sequence[str], seen: Seen, *, innocent: str, at_s: int) -> FeedEntry:
    """What may be said of it; `unclear` where nothing worked. `at_s`: seconds after the feed's begin."""
    made = tuple(place for address in addresses
                 if (place := _make_place(endpoint, address, seen, innocent)) is not None)[:MAX_PLACES]
    names, opened = _list_agreed_names(endpoint, seen), [place for place in made if place.tcp == ""]
    met = tuple(dict.fromkeys((*(place.ip for place in opened if place.tls == "" or not endpoint.sni), *names)))
    page = _make_page(endpoint, addresses, seen)
    proof = _find_proof(endpoint, opened, page, names)
    shut = bool(addresses) and len(made) == len(addresses) and not opened
    return FeedEntry(input=endpoint.input, at=at_s, state="ok" if proof else "fails" if shut else "unclear",
                     proof=proof, addresses=met[:MAX_ADDRESSES], places=made, page=page)


def _sightings(seen: Seen, question: Question | None) -> tuple[Sighting, ...]:
    return seen[question].sightings if question is not None and question in seen else ()


def _make_place(endpoint: Endpoint, address: str, seen: Seen, innocent: str) -> FeedPlace | None:
    asked, opened = make_place_question(endpoint, address), make_open_question(endpoint, address)
    if asked is None or opened is None:
        return None
    own = [s for s in _sightings(seen, asked) if s.address == asked.target]
    others = [s for beside in dict.fromkeys((make_innocent_question(endpoint, address, innocent), opened))
              if beside != asked for s in _sightings(seen, beside) if s.address == asked.target]
    if not (own or others):
        return FeedPlace(ip=asked.target, port=endpoint.port, tcp=SHUT) if _is_shut(seen, opened) else None
    if not _agree([*own, *others]):
        return None
    served = [s for s in own if asked.kind == "http" and (s.trusted or not asked.secure)]
    place = FeedPlace(ip=asked.target, port=endpoint.port, tcp="")
    if not _agree(served):
        return place
    keys = {s.key for s in served}
    return msgspec.structs.replace(
        place, tls="" if asked.secure else None, key=keys.pop() if asked.secure and len(keys) == 1 else "",
        served_in=tuple(sorted({s.cc for s in served})[:MAX_SERVED_IN]))


def _is_shut(seen: Seen, opened: Question) -> bool:
    """Nobody of those who tried could connect, and they are many and unlike enough. A volunteer's country may itself be
    why its probes do not."""
    silent = [s for s in seen[opened].silent if s.cc in COUNTRIES] if opened in seen else []
    return (len({s.asn for s in silent}) >= NOBODY and len({s.cc for s in silent}) >= NOBODY
            and any(s.home for s in silent))


def _agree(seen: Iterable[Sighting]) -> bool:
    return len({s.asn for s in seen}) >= ENOUGH


def _list_agreed_names(endpoint: Endpoint, seen: Seen) -> tuple[str, ...]:
    """Addresses that resolvers of several networks give."""
    sightings = [s for question in make_name_questions(endpoint, (4, 6)) for s in _sightings(seen, question)]
    every = dict.fromkeys(a for s in sightings for a in s.addresses)
    return tuple(a for a in every if _agree(s for s in sightings if a in s.addresses))


def _make_page(endpoint: Endpoint, addresses: Iterable[str], seen: Seen) -> FeedPage | None:
    """The page, where the catalogue says what it is like and several networks were shown one like that. What was cut
    off and has no title could be compared with nothing."""
    if not _is_telling(endpoint.expect):
        return None
    found = [s for address in addresses if (asked := make_place_question(endpoint, address)) and asked.whole
             for s in _sightings(seen, asked)
             if s.page and (s.trusted or not asked.secure) and _is_met(endpoint, s.page)]
    if not _agree(found) or (page := found[0].page) is None:
        return None
    title = fit_text(remove_addresses(read_title(page.body.encode())))
    if page.truncated and not title:
        return None
    return FeedPage(status=page.status, title=title, bytes=0 if page.truncated else len(page.body.encode()),
                    headers=tuple(sorted({name for name, _ in page.headers if is_header_name(name)}))[:40],
                    location=fit_text(remove_addresses(dict(page.headers).get("location", ""))), met="yes")


def _is_telling(expect: Expectation) -> bool:
    """Whether a page that meets it is known to be the service's own."""
    return bool(expect.body or expect.header or expect.location or expect.json
                or (expect.status and "any" not in expect.status))


def _is_met(endpoint: Endpoint, page: PageSeen) -> bool:
    """What refuses or fails is nobody's own; what redirects is where the catalogue says whereto."""
    got = HttpExchange(status=page.status, headers=page.headers, body=page.body.encode())
    plain = 200 <= page.status < 300 or bool(endpoint.expect.location and page.status < 400)
    return plain and not find_mismatch(endpoint.expect, got)


def _find_proof(endpoint: Endpoint, places: Sequence[FeedPlace], page: FeedPage | None, names: Sequence[str]) -> Proof:
    """The strongest exchange that was answered."""
    if page is not None:
        return "http"
    if any(place.tls == "" for place in places):
        return "tls"
    return "tcp" if places else "dns" if names and endpoint.protocol == "dns" else ""
