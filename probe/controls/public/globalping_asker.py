"""Asking Globalping in a run, about an endpoint that failed: forty tests a run, and none for what works."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from probe.config.settings import HelperSettings
from probe.controls.feeds.feed_board import answer_of
from probe.controls.globalping.api_client import GlobalpingClient
from probe.controls.globalping.budget import AskingBudget
from probe.controls.globalping.endpoint_questions import can_be_asked, make_trial_question
from probe.controls.globalping.entry_making import ENOUGH, make_entry
from probe.controls.globalping.probe_places import CONTROL_ASN, CONTROL_CC, choose_places
from probe.controls.globalping.sighting_book import SightingBook, look_at_endpoint
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe.core.tables.control_sources import PUBLIC
from probe.core.tables.failures import Failure
from probe.judge.common.visit_outcomes import must_not_answer

TESTS_A_RUN = 40
QUESTION_S = 12.0
"""Its probes give a request ten seconds."""
MAX_ADDRESSES = 4
OPENED: Failure = ""


class GlobalpingAsker:
    """What it has been asked in one run. `cc`: the country here, whose probes are asked as well."""

    def __init__(self, *, cc: str, innocent: str, token: str = "", rng: random.Random | None = None) -> None:
        self._innocent, self._token = innocent, token
        self._places = choose_places(rng or random.SystemRandom(), (cc,))
        self._budget, self._lock = AskingBudget(TESTS_A_RUN), threading.Lock()
        self._sightings: SightingBook | None = None

    def ask(self, helper: HelperSettings, endpoint: Endpoint, addresses: Sequence[str], *, address: str,
            timeout_s: float, clock: Callable[[], float]) -> ControlAnswer:
        """What its probes see of an endpoint. Never raises for the network; `refused` where nothing counts."""
        blank = ControlAnswer(control_id=helper.id, asn=CONTROL_ASN, cc=CONTROL_CC, input=endpoint.input,
                              source=PUBLIC, state="refused", t0_s=clock())
        if not can_be_asked(endpoint):
            return replace(blank, t_s=clock(), reason="it cannot be asked for this protocol")
        sightings = self._open_sightings(helper, address)
        if must_not_answer(endpoint):
            seen = sightings.ask(make_trial_question(endpoint), until=time.monotonic() + timeout_s)
            opened = tuple((Place(s.address, endpoint.port), OPENED) for s in seen) if len(seen) >= ENOUGH else ()
            return replace(blank, t_s=clock(), state="answered", tcp=opened)
        looked = look_at_endpoint(sightings, endpoint, tuple(addresses), innocent=self._innocent, most=MAX_ADDRESSES,
                                  until=time.monotonic() + timeout_s, sparing=True)
        entry = make_entry(endpoint, looked, sightings.seen, innocent=self._innocent, at_s=0)
        if entry.state != "unclear":
            return answer_of(entry, replace(blank, t_s=clock()))
        if not sightings.seen and sightings.troubles.keys() - {"no_budget", "limit", "no_probes"}:
            return replace(blank, t_s=clock(), state="failed", reason=sorted(sightings.troubles)[0])
        return replace(blank, t_s=clock(), reason="its probes saw nothing that counts" if self._budget.left
                       else "the tests of this run are used up")

    def _open_sightings(self, helper: HelperSettings, address: str) -> SightingBook:
        with self._lock:
            if self._sightings is None:
                client = GlobalpingClient(budget=self._budget, url=helper.url, token=self._token, address=address)
                self._sightings = SightingBook(client, self._places, timeout_s=QUESTION_S)
            return self._sightings
