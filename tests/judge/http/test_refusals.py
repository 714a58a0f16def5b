"""What is said of a server that refuses us or fails for us: nobody, somebody or everybody else is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from made_up_net import FRAME, Net, walk
from made_up_verdicts import HONEST, verdict_on
from observations import RESET, endpoint, expecting, site_of, told
from probe.catalogue.fingerprints import load_own_fingerprints
from probe.core.observations import ControlAnswer
from probe.core.tables.evidence_words import PageWord
from probe.instruments.steps import AskControl
from probe.judge.common.fingerprint_weight import CHALLENGES
from probe.judge.http.refusal_evidence import AnswersElsewhere, gather_answers_elsewhere, read_page_word
from probe.session.observation_log import ObservationLog

URL = "https://chat.example/"
ANY_PAGE, ONLY_403 = endpoint(URL), expecting(URL, status=("200", "4xx"))


def page_of(status: int, **changes: Any) -> ControlAnswer:
    plain: dict[str, Any] = {"input": URL, "http_failure": "", "http_status": status}
    return told(**plain | changes)


@pytest.mark.parametrize(("answer", "of", "word"), [
    (page_of(200), ANY_PAGE, "served"), (page_of(302), ANY_PAGE, "served"), (page_of(404), ANY_PAGE, "other"),
    (page_of(403), ANY_PAGE, "refused"), (page_of(451), ANY_PAGE, "refused"), (page_of(503), ANY_PAGE, "failed"),
    (page_of(429), ANY_PAGE, ""), (page_of(403), ONLY_403, "served"), (page_of(503), ONLY_403, "failed"),
    (page_of(0, http_failure=RESET), ANY_PAGE, ""), (page_of(0, http_failure=None), ANY_PAGE, ""),
    (page_of(200, before=True), ANY_PAGE, ""), (page_of(200, state="failed"), ANY_PAGE, ""),
])
def test_what_a_control_was_told(answer: ControlAnswer, of: Any, word: PageWord) -> None:
    assert read_page_word(answer, of) == word


def test_controls_of_one_network_count_once_and_those_asked_for_another_page_not_at_all() -> None:
    one = [page_of(403, asn=1, cc="DE", control_id=name) for name in "ab"]
    other = page_of(200, asn=2, cc="NL", input="https://chat.example/other")
    assert gather_answers_elsewhere([*one, other], ANY_PAGE) == AnswersElsewhere(refused=1)


def saying(*statuses: int | None) -> Callable[[AskControl], ControlAnswer]:
    """Controls in networks of their own, each of which is answered with its status; None: it cannot be asked."""
    def answer(step: AskControl) -> ControlAnswer:
        number = ord(step.control_id[0]) - ord("a")
        status = statuses[number % len(statuses)]
        if status is None:
            return told(step.control_id, state="failed", input=step.input)
        return page_of(status, control_id=step.control_id, input=step.input, asn=number + 1, cc="DE")

    return answer


@pytest.mark.parametrize(("status", "controls", "outcome", "block_type"), [
    (403, (200, 200), "down", "server.restricted"), (451, (403, 200), "down", "server.restricted"),
    (403, (403, 403), "down", "server.forbidden"), (451, (403, None), "down", "server.forbidden"),
    (403, (None, None), "inconclusive", "inconclusive.control_failed"),
    (403, (404, 404), "down", "server.restricted"), (403, (429, None), "inconclusive", "inconclusive.control_failed"),
    (403, (), "inconclusive", "inconclusive.no_control"),
    (503, (503, 503), "down", "server.error"), (503, (200, 200), "down", "server.error"),
    (503, (), "down", "server.error"), (429, (200, 200), "down", "server.rate_limited"),
])
def test_a_refusal_is_named_by_what_others_are_told(
    status: int, controls: tuple[int | None, ...], outcome: str, block_type: str,
) -> None:
    net = Net(dns=HONEST, page={"status": status, "met_expectation": ""}, told=saying(*controls))
    found = verdict_on(net, context=FRAME if controls else replace(FRAME, controls=()))
    assert (found.outcome, found.block_type) == (outcome, block_type)


def test_an_error_that_others_meet_as_well_is_surer() -> None:
    page = {"status": 503, "met_expectation": "no"}
    everywhere = verdict_on(Net(dns=HONEST, page=page, told=saying(503, 503)))
    here = verdict_on(Net(dns=HONEST, page=page, told=saying(200, 200)))
    assert everywhere.confidence > here.confidence


@pytest.mark.parametrize(("page", "asked"), [
    ({"status": 403}, True), ({"status": 503}, True), ({"status": 429}, False), ({"status": 200}, False),
    ({"status": 403, "met_expectation": "yes"}, False), ({"status": 404}, False),
    ({"status": 405, "fingerprint": CHALLENGES[0], "fingerprint_scope": "fp"}, True),
])
def test_controls_are_asked_about_a_page_that_its_own_server_refuses(page: dict[str, Any], asked: bool) -> None:
    book = ObservationLog("r")
    walk(site_of(), Net(dns=HONEST, page={"met_expectation": "no"} | page), book=book)
    assert bool(book.controls) == asked


def test_challenges_are_pages_that_the_fingerprints_know() -> None:
    assert set(CHALLENGES) <= {found.name for found in load_own_fingerprints() if found.scope == "fp"}
