"""One round of a feed that is made of Globalping: what is asked first, and what is published of the answers."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from probe import __version__
from probe.catalogue.types import Catalogue
from probe.controls.feeds.feed_document import MAX_ENTRIES, Feed, FeedEntry, FeedError
from probe.controls.globalping.api_client import GlobalpingClient
from probe.controls.globalping.budget import AskingBudget
from probe.controls.globalping.endpoint_questions import can_be_asked, make_trial_question
from probe.controls.globalping.entry_making import ENOUGH, list_addresses, make_entry
from probe.controls.globalping.probe_places import CONTROL_ASN, CONTROL_CC, choose_places
from probe.controls.globalping.questions import Question
from probe.controls.globalping.sighting_book import BookedQuestion, SightingBook, list_questions, look_at_endpoint
from probe.core.endpoints import Endpoint
from probe.judge.common.visit_outcomes import must_not_answer
from probe_operate.feeds.asked_rows import AskedRows
from probe_operate.feeds.feed_learning import add_since
from probe_operate.feeds.globalping_state import GlobalpingState

AT_ONCE = 8
QUESTION_S = 30.0
MAX_ADDRESSES = 6
NOTHING, NOT_ASKED, NO_TURN = ("its probes saw nothing that counts", "it cannot be asked for this protocol",
                               "the tests of this round were used up, or its time was (--tests, --deadline-s)")
Booked = Mapping[Question, BookedQuestion]


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalpingRound:
    """What one round may do."""

    name: str
    catalogue: Catalogue
    tier: int
    tests: int
    deadline_s: float
    url: str
    token: str = field(repr=False)
    asked: AskedRows = field(default_factory=AskedRows)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundResult:
    """What came of it."""

    made: Feed
    left_out: dict[str, tuple[str, ...]]
    troubles: dict[str, int]
    """Why questions were not answered -> how many."""
    wait_s: int


def make_globalping_feed(order: GlobalpingRound, state: GlobalpingState, *, before: Feed | None) -> RoundResult:
    """Ask, and make the feed of what is known. Raises FeedError where there is nothing to publish, or where Globalping
    says what cannot be, and StoreError. While it wants to be left alone nothing is asked."""
    rng, until = random.SystemRandom(), time.monotonic() + order.deadline_s
    client = GlobalpingClient(budget=AskingBudget(0 if state.must_wait else order.tests), url=order.url,
                              token=order.token)
    sightings = SightingBook(client, choose_places(rng, order.asked.countries), timeout_s=QUESTION_S, known=state.known,
                             booked=state.keep)
    innocent = order.catalogue.innocent_names[0]
    wanted = _put_in_order(order, sightings.seen, innocent, rng)
    try:
        _try_it(order.catalogue, sightings, until)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for job in [pool.submit(_look, sightings, endpoint, order, innocent, until) for endpoint in wanted]:
                job.result()
    finally:
        state.wait(sightings.wait_s)
        state.finish()
    made, left = _make(order, sightings, wanted, innocent, before)
    return RoundResult(made=made, left_out=left, troubles=dict(sightings.troubles), wait_s=sightings.wait_s)


def list_askable(catalogue: Catalogue, tier: int) -> Iterator[Endpoint]:
    """Active endpoints up to this tier that are the same for everybody and should answer."""
    return (e for e in catalogue.endpoints
            if e.status == "active" and e.tier <= tier and "{" not in e.input and not must_not_answer(e))


def _put_in_order(order: GlobalpingRound, seen: Booked, innocent: str, rng: random.Random) -> list[Endpoint]:
    """What volunteers ask about most first, then by tier; what was looked at longest ago before the others."""
    found = [e for e in list_askable(order.catalogue, order.tier) if can_be_asked(e)]
    rng.shuffle(found)

    def turn(endpoint: Endpoint) -> tuple[bool, int, float]:
        asked = order.asked.inputs[endpoint.input]
        last_s = max(_list_times(seen, endpoint, order, innocent), default=0.0)
        return not asked, 0 if asked else endpoint.tier, last_s

    return sorted(found, key=turn)


def _try_it(catalogue: Catalogue, sightings: SightingBook, until: float) -> None:
    """Whether its word counts: nothing answers at this place, anywhere."""
    absent = next((e for e in catalogue.endpoints if (control := catalogue.controls.get(e.target_id)) is not None
                   and control.kind == "closed_port"), None)
    if absent and len({s.asn for s in sightings.ask(make_trial_question(absent), until=until)}) >= ENOUGH:
        raise FeedError("Globalping says that a place answers at which nothing does: its word counts for nothing now")


def _look(sightings: SightingBook, endpoint: Endpoint, order: GlobalpingRound, innocent: str, until: float) -> None:
    if time.monotonic() < until:
        look_at_endpoint(sightings, endpoint, order.asked.addresses.get(endpoint.input, ()), innocent=innocent,
                         most=MAX_ADDRESSES, until=until)


def _list_times(seen: Booked, endpoint: Endpoint, order: GlobalpingRound, innocent: str) -> list[float]:
    """When each question that says something of it was asked, as far as it was answered."""
    questions = list_questions(endpoint, _addresses_of(seen, endpoint, order), innocent=innocent)
    return [seen[question].at_s for question in questions if question in seen]


def _addresses_of(seen: Booked, endpoint: Endpoint, order: GlobalpingRound) -> Sequence[str]:
    return list_addresses(endpoint, seen, order.asked.addresses.get(endpoint.input, ()))[:MAX_ADDRESSES]


def _make(order: GlobalpingRound, sightings: SightingBook, wanted: Sequence[Endpoint], innocent: str,
          before: Feed | None) -> tuple[Feed, dict[str, tuple[str, ...]]]:
    """Each entry is as old as the oldest answer that it rests on."""
    known = {entry.input: entry for entry in before.entries} if before else {}
    found, left, seen = list[FeedEntry](), dict[str, list[str]](), sightings.seen
    times = {e.input: asked for e in wanted if (asked := _list_times(seen, e, order, innocent))}
    first_s = min((min(asked) for asked in times.values()), default=time.time())
    begun = datetime.fromtimestamp(int(first_s), UTC)
    for endpoint in list_askable(order.catalogue, order.tier):
        if endpoint.input not in times:
            left.setdefault(NO_TURN if can_be_asked(endpoint) else NOT_ASKED, []).append(endpoint.input)
            continue
        entry = make_entry(endpoint, _addresses_of(seen, endpoint, order), seen, innocent=innocent,
                           at_s=int(min(times[endpoint.input]) - int(first_s)))
        if entry.state == "unclear":
            left.setdefault(NOTHING, []).append(endpoint.input)
        else:
            found.append(add_since(entry, known.get(endpoint.input), begun))
    if not found:
        why = ", ".join(f"{word} {n} times" for word, n in sorted(sightings.troubles.items())) or "no reason is known"
        raise FeedError(f"there is nothing to publish: Globalping has said nothing that counts ({why})")
    made = Feed(format=1, name=order.name, asn=CONTROL_ASN, cc=CONTROL_CC, begun=begun,
                made=datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1),
                catalogue=order.catalogue.version, software=__version__,
                entries=tuple(sorted(found, key=lambda entry: entry.input)[:MAX_ENTRIES]))
    return made, {why: tuple(sorted(inputs)) for why, inputs in sorted(left.items())}
