"""The one word on a role and on a service: never more than was tried, and never green for a chat that was not."""

from __future__ import annotations

import itertools

import pytest

from probe.core.tables.outcomes import NOT_ATTEMPTED, Outcome
from probe.core.tables.roles import Role
from probe.core.tables.service_answers import ANSWER_ORDER, TROUBLED, Answer
from probe.core.verdicts import ServiceVerdict
from probe.judge.verdicts.service_answer_word import answer_role, answer_service


@pytest.mark.parametrize(("outcome", "targets", "suspected", "worth", "word"), [
    ("ok", ("ok", "ok"), 0, 2, "works"),
    ("ok", ("ok", "ok"), 0, 1, "unknown"),
    ("ok", ("ok", "inconclusive"), 0, 2, "partly"),
    ("ok", ("ok", "ok", "inconclusive"), 1, 2, "partly"),
    ("ok", ("ok", "ok", *["inconclusive"] * 4), 4, 2, "suspected"),
    ("ok", ("ok", "ok", *["blocked"] * 4), 0, 2, "partly"),
    ("ok", ("ok", "down"), 0, 2, "partly"),
    ("ok", ("ok", "network"), 0, 2, "works"),
    ("blocked", ("blocked", "ok"), 0, 2, "blocked"),
    ("inconclusive", ("inconclusive",), 1, 2, "suspected"),
    ("inconclusive", ("inconclusive",), 0, 2, "fails"),
    ("down", ("down",), 0, 2, "fails"),
    ("network", ("network",), 0, 2, "unknown"),
    ("local", ("local",), 0, 2, "unknown"),
    (NOT_ATTEMPTED, (), 0, 0, "not_tested"),
])
def test_the_word_of_a_role(outcome: Outcome, targets: tuple[Outcome, ...], suspected: int, worth: int,
                            word: Answer) -> None:
    assert answer_role(outcome, targets, suspected=suspected, worth=worth, most=2) == word


@pytest.mark.parametrize(("outcome", "targets", "word"), [
    ("ok", ("ok", "ok"), "unknown"), ("ok", ("ok", "inconclusive"), "partly"), ("blocked", ("blocked",), "blocked"),
])
def test_a_role_of_which_too_little_came_is_not_said_to_work(outcome: Outcome, targets: tuple[Outcome, ...],
                                                             word: Answer) -> None:
    assert answer_role(outcome, targets, suspected=0, worth=2, most=2, enough=False) == word


@pytest.mark.parametrize(("outcome", "targets", "worth", "word"), [
    ("ok", ("ok", "ok"), 2, "partly"), ("ok", ("ok", "ok"), 1, "unknown"), ("blocked", ("blocked",), 2, "blocked"),
    ("inconclusive", ("inconclusive",), 2, "suspected"),
])
def test_a_role_of_which_a_place_is_struck_is_not_said_to_work(outcome: Outcome, targets: tuple[Outcome, ...],
                                                               worth: int, word: Answer) -> None:
    """Every target answers, each at another of its addresses."""
    assert answer_role(outcome, targets, suspected=1, worth=worth, most=2, struck=True) == word


def rows(**words: Answer) -> list[ServiceVerdict]:
    roles: dict[str, Role] = {"chat": "chat", "web": "web", "push": "push"}
    return [ServiceVerdict(service="x", role=roles[role], outcome="ok", k=0, n=1, answer=word)
            for role, word in words.items()]


@pytest.mark.parametrize(("words", "word"), [
    ({"chat": "works", "web": "works"}, "works"),
    ({"chat": "not_tested", "web": "works"}, "unknown"),
    ({"chat": "unknown", "web": "works", "push": "works"}, "unknown"),
    ({"chat": "not_tested", "web": "not_tested"}, "not_tested"),
    ({"chat": "suspected", "web": "works"}, "suspected"),
    ({"chat": "works", "web": "blocked"}, "partly"),
    ({"chat": "not_tested", "web": "blocked"}, "blocked"),
    ({"chat": "blocked", "web": "works"}, "blocked"),
    ({"web": "works", "push": "blocked"}, "partly"),
    ({"web": "blocked", "push": "blocked"}, "blocked"),
    ({"web": "works", "push": "not_tested"}, "works"),
])
def test_the_word_of_a_service(words: dict[str, Answer], word: Answer) -> None:
    assert answer_service(rows(**words)) == word


@pytest.mark.parametrize(("chat", "web", "push"), list(itertools.product(ANSWER_ORDER, repeat=3)))
def test_a_service_works_only_where_its_chat_does_and_nothing_is_in_trouble(chat: Answer, web: Answer,
                                                                           push: Answer) -> None:
    word = answer_service(rows(chat=chat, web=web, push=push))
    assert word != "works" or chat == "works"
    assert (word in TROUBLED) == bool({chat, web, push}.intersection(TROUBLED))
    assert word != "blocked" or "blocked" in (chat, web, push)
