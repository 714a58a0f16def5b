"""Asking Globalping: one measurement from the question to what it has shown, within its limits and by its etiquette."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from probe.config.consent.public_controls import GLOBALPING_URL
from probe.controls.globalping.answers import MAX_BYTES, GlobalpingError, Measured, read_created, read_measured
from probe.controls.globalping.budget import AskingBudget
from probe.controls.globalping.questions import ProbePlace, Question, count_tests, encode_question
from probe.controls.reaching.http_client import USER_AGENT, HttpAnswer, HttpClient, HttpMessage, HttpPolicy

POLL_S = 0.5
"""Between two looks at one measurement; its operators ask for no less."""
CALL_S = 10.0
MAX_WAIT_S = 3600
"""Of what it may ask us to wait; more is not believed."""
DEFAULT_WAIT_S = 60

Refusal = Literal["", "no_budget", "limit", "no_probes", "forbidden", "not_understood", "busy"]
_REFUSALS: dict[int, Refusal] = {400: "not_understood", 401: "forbidden", 403: "forbidden", 422: "no_probes",
                                 429: "limit", 502: "busy", 503: "busy", 504: "busy"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalpingAnswer:
    """What came of one question."""

    measured: Measured = field(default_factory=lambda: Measured(ended=False))
    made_id: str = ""
    """Of the measurement, where one was made: it may be looked at again for days."""
    refused: Refusal = ""
    failure: str = ""
    """How the exchange itself failed, in `HttpAnswer`'s words; garbage also for what is no answer to the question."""
    wait_s: int = 0
    """How long it asks to be left alone."""


def ignore_made(made_id: str) -> None:
    """For those who will not come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalpingClient:
    """How it is reached. The token is sent to that server alone."""

    budget: AskingBudget
    url: str = GLOBALPING_URL
    token: str = field(default="", repr=False)
    address: str = ""
    """A literal to connect to; empty: where the URL leads."""
    pause: Callable[[float], None] = time.sleep

    def ask(self, question: Question, places: Sequence[ProbePlace], *, timeout_s: float,
            made: Callable[[str], None] = ignore_made) -> GlobalpingAnswer:
        """Make a measurement and wait for it. Raises nothing for the network; what has ended by then is told. `made` is
        called with its id, by which it can be followed later."""
        ends, tests = time.monotonic() + timeout_s, count_tests(places)
        if not self.budget.take(tests):
            return GlobalpingAnswer(refused="no_budget")
        call = self._exchange("/v1/measurements", encode_question(question, places), until=ends)
        if call.failure or call.status != 202:
            self.budget.give_back(tests)
            return self._refuse(call)
        try:
            made_id, probes = read_created(call.body)
        except GlobalpingError:
            return GlobalpingAnswer(failure="garbage")
        self.budget.give_back(max(0, tests - probes))
        made(made_id)
        return self.follow(made_id, question, places, until=ends)

    def follow(self, made_id: str, question: Question, places: Sequence[ProbePlace], *,
               until: float) -> GlobalpingAnswer:
        """Look at a measurement until it has ended, or until then (monotonic seconds)."""
        asked, tag, last = frozenset(place.cc for place in places), "", Measured(ended=False)
        while time.monotonic() + POLL_S < until:
            self.pause(POLL_S)
            call = self._exchange(f"/v1/measurements/{made_id}", None, until=until, tag=tag)
            if call.status == 304 and tag:
                continue
            if call.failure or call.status != 200:
                refusal = self._refuse(call)
                return GlobalpingAnswer(measured=last, made_id=made_id, refused=refusal.refused,
                                        failure=refusal.failure, wait_s=refusal.wait_s)
            try:
                last = read_measured(call.body, question, made_id=made_id, asked=asked)
            except GlobalpingError:
                return GlobalpingAnswer(made_id=made_id, failure="garbage")
            tag = call.headers.get("etag", "")[:200]
            if last.ended:
                break
        return GlobalpingAnswer(measured=last, made_id=made_id, failure="" if last.ended else "timeout")

    def _exchange(self, path: str, body: bytes | None, *, until: float, tag: str = "") -> HttpAnswer:
        headers = {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip",
                   "Connection": "close"}
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        headers |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= {"If-None-Match": tag} if tag.isascii() and tag.isprintable() and tag else {}
        return HttpClient().ask(
            HttpMessage(url=self.url.rstrip("/") + path, body=body, headers=headers, address=self.address),
            HttpPolicy(max_bytes=MAX_BYTES, timeout_s=max(0.1, min(CALL_S, until - time.monotonic())), redirects=0,
                       reach="named"))

    def _refuse(self, call: HttpAnswer) -> GlobalpingAnswer:
        """How it declined. Where its limit is reached nothing more is asked."""
        if call.status not in _REFUSALS:
            return GlobalpingAnswer(failure=call.failure or "bad_status")
        refused = _REFUSALS[call.status]
        if refused not in ("limit", "forbidden"):
            return GlobalpingAnswer(refused=refused)
        self.budget.close()
        return GlobalpingAnswer(refused=refused, wait_s=_read_wait_s(call) if refused == "limit" else 0)


def _read_wait_s(call: HttpAnswer) -> int:
    for name in ("retry-after", "x-ratelimit-reset"):
        value = call.headers.get(name, "").strip()
        if value.isascii() and value.isdecimal():
            return min(int(value[:9]), MAX_WAIT_S)
    return DEFAULT_WAIT_S
