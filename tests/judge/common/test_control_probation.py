"""Which helpers are not counted in a run, for what they say of places of which the answer is known."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_net import FRAME
from observations import HERE4, REFUSED, RESET, TIMEOUT, observation, told
from probe.catalogue.load import load_catalogue
from probe.config.settings import HelperSettings, Settings, VantageSettings
from probe.core.observations import ControlAnswer, Observation
from probe.core.tables.control_sources import ControlFault
from probe.judge.common.control_probation import (
    KnownPlaces,
    find_unfit_controls,
    format_faults,
    leave_out,
)
from probe.session.context_making import list_helpers
from probe.session.ladder_controls import choose_known_places, domestic_inputs
from probe.session.planning.control_plan import plan_probation

GOOD, ABSENT = "https://known.example/", "tcpconnect://known.example:81"
KNOWN = KnownPlaces(good=(GOOD, "http://other.example/"), absent=(ABSENT,))


def rung(**changes: Any) -> Observation:
    return observation(**{"operation": "http_round_trip", "purpose": "ladder", "input": GOOD, "status": 200,
                          "met_expectation": "yes"} | changes)


def of_good(**changes: Any) -> ControlAnswer:
    plain: dict[str, Any] = {"input": GOOD, "http_failure": "", "http_status": 200}
    return told(**plain | changes)


def of_absent(**changes: Any) -> ControlAnswer:
    return told(**{"input": ABSENT} | changes)


@pytest.mark.parametrize(("answer", "fault"), [
    (of_good(), None), (of_good(http_status=503), None), (of_good(http_failure=RESET), "denies"),
    (of_good(http_failure=None, tcp=((f"{HERE4}:443", REFUSED),)), "denies"),
    (of_good(http_failure=None, tcp=((f"{HERE4}:443", REFUSED), (f"{HERE4}:443", ""))), None),
    (of_good(http_failure=None), None), (of_good(http_failure=TIMEOUT), "loaded"),
    (of_good(state="failed", reason="timeout", http_failure=None), "loaded"),
    (of_good(state="refused", reason="busy", http_failure=None), "loaded"),
    (of_good(state="refused", reason="rate_limited", http_failure=None), None),
    (of_good(state="failed", reason="connect", http_failure=None), None),
    (of_good(source="feed", http_failure=RESET), None),
    (of_absent(tcp=((f"{HERE4}:81", REFUSED),)), None), (of_absent(tcp=((f"{HERE4}:81", TIMEOUT),)), None),
    (of_absent(tcp=((f"{HERE4}:81", ""),)), "invents"), (of_absent(addresses=(HERE4,)), None),
    (of_absent(state="failed", reason="timeout"), None),
])
def test_what_a_helper_is_left_out_for(answer: ControlAnswer, fault: ControlFault | None) -> None:
    assert find_unfit_controls([answer], [rung()], KNOWN) == ({"a": fault} if fault else {})


@pytest.mark.parametrize("seen", [
    [], [rung(failure=TIMEOUT)], [rung(met_expectation="no")], [rung(purpose="target")],
    [rung(input="http://other.example/")]])
def test_a_place_that_did_not_answer_here_tells_of_no_helper(seen: list[Observation]) -> None:
    assert find_unfit_controls([of_good(http_failure=RESET)], seen, KNOWN) == {}


def test_only_the_unfit_are_silenced_and_named() -> None:
    liar, honest = of_good(http_failure=RESET), of_good(control_id="b")
    about = [told(name, input="https://chat.example/", http_failure="", http_status=200) for name in "ab"]
    faults = find_unfit_controls([liar, honest, *about], [rung()], KNOWN)
    assert format_faults(faults) == ("a:denies",)
    first, second = leave_out(about, faults)
    assert (first.state, first.http_failure, first.control_id) == ("refused", None, "a")
    assert second == about[1]


@given(st.lists(st.sampled_from(["answered", "failed", "refused"])), st.integers(0, 3))
def test_whoever_is_not_counted_says_nothing_at_all(states: list[Any], seed: int) -> None:
    answers = [told(random.Random(seed + at).choice("ab"), state=state, http_failure="", addresses=(HERE4,))
               for at, state in enumerate(states)]
    silent = [answer for answer in leave_out(answers, {"a": "denies"}) if answer.control_id == "a"]
    assert all((answer.state, answer.addresses, answer.http_failure) == ("refused", (), None) for answer in silent)


def test_a_helper_is_asked_about_the_first_page_that_answered_here_and_a_closed_port() -> None:
    context = replace(FRAME, known_good=KNOWN.good, known_absent=(ABSENT, "tcpconnect://second.example:81"))
    assert [step.input for step in plan_probation("a", [], context)] == [GOOD, ABSENT]
    second = rung(input="http://other.example/")
    assert [step.input for step in plan_probation("a", [second], context)] == ["http://other.example/", ABSENT]
    assert not plan_probation("a", [second], FRAME)


@pytest.mark.parametrize("cc", ["ZZ", "RU", "CN"])
def test_the_catalogue_knows_places_by_which_helpers_are_tried(cc: str) -> None:
    catalogue = load_catalogue(search=False)
    known = choose_known_places(catalogue, cc)
    assert known.good[0].startswith("https:")
    assert known.absent
    assert not set(known.good) & domestic_inputs(catalogue, cc)


@pytest.mark.parametrize(("cc", "asked"), [("IR", ["away"]), ("ir", ["away"]), ("DE", ["home", "away"])])
def test_a_helper_at_home_is_not_asked_where_helping_is_dangerous(cc: str, asked: list[str]) -> None:
    helpers = (HelperSettings(id="home", url="https://h.example/", cc=cc.upper()),
               HelperSettings(id="away", url="https://a.example/", cc="NL"))
    settings = Settings(vantage=VantageSettings(cc=cc), helper=helpers)
    assert [helper.id for helper in list_helpers(settings)] == asked
