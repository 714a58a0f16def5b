"""What has been asked and seen: each question once, however many endpoints it serves and threads ask it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from probe.controls.globalping.answers import Sighting
from probe.controls.globalping.api_client import GlobalpingAnswer, GlobalpingClient
from probe.controls.globalping.endpoint_questions import (
    list_own_addresses,
    make_innocent_question,
    make_name_questions,
    make_open_question,
    make_place_question,
)
from probe.controls.globalping.entry_making import list_addresses
from probe.controls.globalping.questions import ProbePlace, Question
from probe.core.addresses import family_of
from probe.core.endpoints import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedQuestion:
    """One question, and what came of it."""

    question: Question
    made_id: str = ""
    """Of the measurement; with `ended` false it can still be looked at."""
    ended: bool = False
    at_s: float = 0.0
    """When it was asked, Unix time."""
    sightings: tuple[Sighting, ...] = ()
    silent: tuple[Sighting, ...] = ()


def ignore_booked(booked: BookedQuestion) -> None:
    """For those who keep nothing."""


class SightingBook:
    """Asks through a client, remembers, and tells `booked` of each step that is worth keeping."""

    def __init__(self, client: GlobalpingClient, places: Sequence[ProbePlace], *, timeout_s: float,
                 known: Iterable[BookedQuestion] = (),
                 booked: Callable[[BookedQuestion], None] = ignore_booked) -> None:
        self._client, self._places, self._timeout_s, self._booked = client, tuple(places), timeout_s, booked
        self._answers: dict[Question, Future[BookedQuestion]] = {}
        self._pending = {one.question: one for one in known if one.made_id and not one.ended}
        self._lock = threading.Lock()
        self.troubles: dict[str, int] = {}
        """Why questions were not answered -> how many."""
        self.wait_s = 0
        """How long the other side asks to be left alone."""
        for one in known:
            if one.ended:
                self._answers[one.question] = _done(one)

    @property
    def seen(self) -> dict[Question, BookedQuestion]:
        """Everything that is known."""
        with self._lock:
            ended = [future.result() for future in self._answers.values() if future.done()]
        return {one.question: one for one in ended}

    def ask(self, question: Question, *, until: float) -> Sequence[Sighting]:
        """What works, of a question that is asked now unless it was before; nothing after `until` (monotonic seconds)
        or where it is refused."""
        with self._lock:
            future = self._answers.get(question)
            mine = future is None
            if future is None:
                future = self._answers[question] = Future()
        if not mine:
            return _wait(future, until)
        found = self._ask(question, until)
        future.set_result(found)
        if not found.ended:
            with self._lock:  # a later call may ask again
                self._answers.pop(question, None)
        return found.sightings

    def _ask(self, question: Question, until: float) -> BookedQuestion:
        begun, asked_s = self._pending.get(question), time.time()
        ends = min(until, time.monotonic() + self._timeout_s)
        if begun is not None:
            answer = self._client.follow(begun.made_id, question, self._places, until=ends)
            if answer.failure not in ("garbage", "bad_status"):  # else it is gone
                return self._note(question, answer, begun.at_s)
        answer = self._client.ask(
            question, self._places, timeout_s=max(0.0, ends - time.monotonic()),
            made=lambda made_id: self._booked(BookedQuestion(question=question, made_id=made_id, at_s=asked_s)))
        return self._note(question, answer, asked_s)

    def _note(self, question: Question, answer: GlobalpingAnswer, asked_s: float) -> BookedQuestion:
        found = BookedQuestion(question=question, made_id=answer.made_id, ended=answer.measured.ended, at_s=asked_s,
                               sightings=answer.measured.sightings, silent=answer.measured.silent)
        trouble = answer.refused or answer.failure
        with self._lock:
            self.wait_s = max(self.wait_s, answer.wait_s)
            if trouble:
                self.troubles[trouble] = self.troubles.get(trouble, 0) + 1
            if answer.measured.unread:
                self.troubles["unread"] = self.troubles.get("unread", 0) + answer.measured.unread
        if found.ended:
            self._booked(found)
        return found


def look_at_endpoint(sightings: SightingBook, endpoint: Endpoint, more: Sequence[str], *, innocent: str, most: int,
                     until: float, sparing: bool = False) -> tuple[str, ...]:
    """Ask all that may be asked of an endpoint at `most` addresses; these. `more`: where somebody failed to reach it.

    A `sparing` look leaves out what is not needed to judge: resolvers elsewhere, where addresses are known, and an
    innocent name. IPv6 addresses are asked for where somebody failed at one.
    """
    if not (sparing and (more or list_own_addresses(endpoint))):
        families = (4, 6) if any(family_of(address) == 6 for address in more) else (4,)
        for question in make_name_questions(endpoint, families):
            sightings.ask(question, until=until)
    addresses = list_addresses(endpoint, sightings.seen, more)[:most]
    for address in addresses:
        asked = make_place_question(endpoint, address)
        beside = None if sparing else make_innocent_question(endpoint, address, innocent)
        opened = make_open_question(endpoint, address)
        for step in dict.fromkeys((asked, beside, opened)):
            if step is not None and sightings.ask(step, until=until):
                break
    return addresses


def list_questions(endpoint: Endpoint, addresses: Sequence[str], *, innocent: str) -> tuple[Question, ...]:
    """Every question that says something of it there."""
    places = [question for address in addresses for question in (
        make_place_question(endpoint, address), make_innocent_question(endpoint, address, innocent),
        make_open_question(endpoint, address)) if question]
    return tuple(dict.fromkeys((*make_name_questions(endpoint, (4, 6)), *places)))


def _wait(future: Future[BookedQuestion], until: float) -> Sequence[Sighting]:
    try:
        return future.result(timeout=max(0.0, until - time.monotonic())).sightings
    except TimeoutError:
        return ()


def _done(one: BookedQuestion) -> Future[BookedQuestion]:
    future: Future[BookedQuestion] = Future()
    future.set_result(one)
    return future
