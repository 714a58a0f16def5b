"""One question to Globalping over loopback: its limits, its etiquette, and servers that do otherwise."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest

from globalping_made import (
    ADDRESS,
    FAILED,
    MADE_ID,
    NAME,
    OPEN,
    PAGE,
    PLACES,
    ScriptedApi,
    answer,
    dns_result,
    http_result,
    ping_result,
    probe,
    serving_api,
)
from probe.controls.globalping.answers import MAX_BYTES
from probe.controls.globalping.api_client import MAX_WAIT_S, GlobalpingAnswer, GlobalpingClient
from probe.controls.globalping.budget import AskingBudget
from probe.controls.globalping.probe_places import COUNTRIES, choose_places, may_be_asked
from probe.controls.globalping.questions import Question
from probe.controls.globalping.sighting_book import BookedQuestion, SightingBook
from probe.controls.reaching.http_client import USER_AGENT

TOKEN = "secret-token-of-ours"
DONE = answer(PAGE, (probe("DE", 1), http_result()), (probe("US", 2), http_result()), (probe("JP", 3), FAILED))
RUNNING = answer(PAGE, (probe("DE", 1), {"status": "in-progress", "rawOutput": ""}), status="in-progress")
PATIENCE_S = 60.0


def no_pause(_: float) -> None:
    """Loopback has no etiquette."""


def ask(script: ScriptedApi, *, tests: int = 40, question: Question = PAGE, timeout_s: float = PATIENCE_S,
        token: str = TOKEN) -> tuple[GlobalpingAnswer, AskingBudget]:
    budget = AskingBudget(tests)
    with serving_api(script):
        client = GlobalpingClient(budget=budget, url=script.url, token=token, pause=no_pause)
        return client.ask(question, PLACES, timeout_s=timeout_s), budget


@pytest.mark.parametrize("packed", [False, True])
def test_a_measurement_is_made_and_followed_to_its_end(packed: bool) -> None:
    script = ScriptedApi(looks=[(200, RUNNING, {}), (200, DONE, {})], packed=packed)
    told, budget = ask(script)
    assert told.measured.ended
    assert [s.asn for s in told.measured.sightings] == [1, 2]
    assert budget.left == 37
    assert {headers["User-Agent"] for headers in script.headers} == {USER_AGENT}
    assert {headers["Authorization"] for headers in script.headers} == {f"Bearer {TOKEN}"}
    assert {headers["Accept-Encoding"] for headers in script.headers} == {"gzip"}


def test_what_has_not_changed_is_not_sent_again() -> None:
    script = ScriptedApi(looks=[(200, RUNNING, {"ETag": '"1"'}), (200, RUNNING, {"ETag": '"1"'}),
                                (200, DONE, {"ETag": '"2"'})])
    assert ask(script)[0].measured.ended
    assert [h.get("If-None-Match", "") for h in script.headers[1:]] == ["", '"1"', '"1"']


def test_without_a_token_none_is_sent() -> None:
    script = ScriptedApi(looks=[(200, DONE, {})])
    ask(script, token="")
    assert not any("Authorization" in headers for headers in script.headers)


def test_the_token_is_in_no_text_of_ours() -> None:
    client = GlobalpingClient(budget=AskingBudget(1), token=TOKEN)
    assert TOKEN not in repr(client)


@pytest.mark.parametrize(("headers", "wait_s"), [
    ({"Retry-After": "120"}, 120), ({"X-RateLimit-Reset": "30"}, 30), ({"Retry-After": "9" * 30}, MAX_WAIT_S),
    ({"Retry-After": "-5"}, 60), ({"Retry-After": "soon"}, 60), ({}, 60),
])
def test_at_its_limit_nothing_more_is_asked(headers: dict[str, str], wait_s: int) -> None:
    told, budget = ask(ScriptedApi(looks=[(200, DONE, {})], created=(429, b"{}", headers)))
    assert (told.refused, told.wait_s, budget.left) == ("limit", wait_s, 0)


@pytest.mark.parametrize(("status", "refused", "left"), [
    (400, "not_understood", 40), (401, "forbidden", 0), (422, "no_probes", 40), (503, "busy", 40), (500, "", 40)])
def test_what_is_refused_costs_nothing(status: int, refused: str, left: int) -> None:
    told, budget = ask(ScriptedApi(looks=[(200, DONE, {})], created=(status, b"{}", {})))
    assert (told.refused, budget.left, told.made_id) == (refused, left, "")


def test_what_probes_there_were_not_costs_nothing() -> None:
    script = ScriptedApi(looks=[(200, DONE, {})],
                         created=(202, json.dumps({"id": MADE_ID, "probesCount": 1}).encode(), {}))
    assert ask(script)[1].left == 39


def test_beyond_the_budget_nothing_is_sent() -> None:
    script = ScriptedApi(looks=[(200, DONE, {})])
    assert ask(script, tests=2)[0].refused == "no_budget"
    assert script.headers == []


LOOKS: dict[str, tuple[int, bytes, str]] = {
    "about something else": (200, answer(PAGE, target="8.8.8.8"), "garbage"),
    "of another type": (200, b"[]", "garbage"), "no JSON": (200, b"\xff\x00", "garbage"),
    "huge": (200, b" " * (MAX_BYTES + 1), "too_large"), "gone": (404, b"{}", "bad_status"),
    "a redirect": (302, b"", "bad_status"),
}


@pytest.mark.parametrize(("status", "body", "failure"), LOOKS.values(), ids=LOOKS)
def test_bad_looks_end_it(status: int, body: bytes, failure: str) -> None:
    told, _ = ask(ScriptedApi(looks=[(status, body, {})]))
    assert (told.failure, told.measured.sightings) == (failure, ())


def test_what_has_ended_by_the_deadline_is_told() -> None:
    half = answer(PAGE, (probe("DE", 1), http_result()), (probe("US", 2), {"status": "in-progress", "rawOutput": ""}),
                  status="in-progress")
    told, _ = ask(ScriptedApi(looks=[(200, half, {})]), timeout_s=3.0)
    assert (told.failure, [s.asn for s in told.measured.sightings]) == ("timeout", [1])


def test_a_bomb_stays_small() -> None:
    told, _ = ask(ScriptedApi(looks=[(200, b" " * (4 * MAX_BYTES), {})], packed=True))
    assert told.failure == "too_large"


def book(script: ScriptedApi, *known: BookedQuestion, told: list[BookedQuestion], tests: int = 40) -> SightingBook:
    client = GlobalpingClient(budget=AskingBudget(tests), url=script.url, pause=no_pause)
    return SightingBook(client, PLACES, timeout_s=PATIENCE_S, known=known, booked=told.append)


def test_a_question_is_asked_once_by_however_many() -> None:
    with serving_api(ScriptedApi(looks=[(200, DONE, {})])) as script:
        told: list[BookedQuestion] = []
        here, found = book(script, told=told), list[Any]()
        asks = [threading.Thread(target=lambda: found.append(here.ask(PAGE, until=time.monotonic() + PATIENCE_S)))
                for _ in range(5)]
        for one in asks:
            one.start()
        for one in asks:
            one.join()
        assert [len(seen) for seen in found] == [2] * 5
        assert len(script.asked) == 1
        assert [one.ended for one in told] == [False, True]


def test_what_was_broken_off_is_looked_at_and_not_asked_again() -> None:
    with serving_api(ScriptedApi(looks=[(200, DONE, {})])) as script:
        told: list[BookedQuestion] = []
        begun = BookedQuestion(question=PAGE, made_id=MADE_ID, at_s=time.time() - 60)
        here = book(script, begun, told=told)
        assert len(here.ask(PAGE, until=time.monotonic() + PATIENCE_S)) == 2
        assert script.asked == []
        assert here.seen[PAGE].at_s == begun.at_s


def test_what_is_known_is_not_asked() -> None:
    with serving_api(ScriptedApi(looks=[(200, DONE, {})])) as script:
        here = book(script, BookedQuestion(question=OPEN, made_id=MADE_ID, ended=True, at_s=1.0), told=[])
        assert here.ask(OPEN, until=0.0) == ()
        assert script.headers == []


def test_what_is_refused_may_be_asked_later() -> None:
    with serving_api(ScriptedApi(looks=[(200, DONE, {})], created=(422, b"{}", {}))) as script:
        here = book(script, told=[])
        for _ in range(2):
            assert here.ask(PAGE, until=time.monotonic() + PATIENCE_S) == ()
        assert len(script.asked) == 2
        assert here.troubles == {"no_probes": 2}


def test_probes_are_asked_for_where_no_harm_is_known(rng: Any) -> None:
    places = choose_places(rng, ("IR", "tr", "RU", "ZZ", "GE", "AM"))
    assert [place.cc for place in places[3:]] == ["TR", "GE"]
    assert {place.cc for place in places[:3]} <= set(COUNTRIES)
    assert len({place.cc for place in places}) == 5
    assert places[0].line == "eyeball-network"
    assert not any(may_be_asked(cc) for cc in ("CN", "BY", "ZZ", "", "DEU"))


def test_every_kind_of_question_is_answered() -> None:
    for question, result in ((OPEN, ping_result()), (NAME, dns_result(ADDRESS))):
        told, _ = ask(ScriptedApi(looks=[(200, answer(question, (probe("DE", 1), result)), {})]), question=question)
        assert len(told.measured.sightings) == 1
