"""The one word on a role, and on a service, that everything else prints. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from probe.core.tables.outcomes import NOT_ATTEMPTED, Outcome
from probe.core.tables.roles import Role
from probe.core.tables.service_answers import ANSWER_ORDER, TROUBLED, Answer
from probe.core.tables.words import Empty
from probe.core.verdicts import ServiceVerdict

_FAILING: tuple[Outcome, ...] = ("blocked", "inconclusive", "down")
_FOR_MESSAGES: Role = "chat"
_OF_OUTCOMES: Mapping[Outcome, Answer] = {"ok": "works", NOT_ATTEMPTED: "not_tested", "inconclusive": "fails",
                                          "down": "fails"}

_NOT_CURRENT: Mapping[Answer, Answer] = {"works": "unknown", "blocked": "suspected"}


def answer_role(outcome: Outcome, targets: Sequence[Outcome], *, suspected: int, worth: int, most: int,
                struck: bool = False, enough: bool = True, current: bool = True) -> Answer:
    """What is so of a role. `targets`: of those that tell most of what was tried; `suspected`: of so many a block is
    suspected; `struck`: any place of the role is blocked or suspected, though its target may answer at another;
    `worth`: how much they tell (`Protocol.worth`), `most`: how much the role's strongest endpoint would;
    `enough`: as much was seen to pass as the role needs to be of use (`probe.core.tables.roles.ENOUGH_BYTES`).
    What is not said as apps say it today (`current`) shows neither that the role works nor that it is blocked."""
    word = _answer_spoken(outcome, targets, suspected=suspected, known=worth >= most and enough)
    word = "partly" if struck and word == "works" else word
    return word if current else _NOT_CURRENT.get(word, word)


def _answer_spoken(outcome: Outcome, targets: Sequence[Outcome], *, suspected: int, known: bool) -> Answer:
    failing = sum(word in _FAILING for word in targets)
    if outcome == NOT_ATTEMPTED:
        return "not_tested"
    if outcome == "blocked":
        return "blocked"
    if outcome == "ok":
        if suspected and 2 * failing >= len(targets):
            return "suspected"
        if failing:
            return "partly"
        return "works" if known else "unknown"
    if outcome in ("network", "local"):
        return "unknown"
    return "suspected" if suspected else "fails"


def answer_service(rows: Iterable[ServiceVerdict]) -> Answer:
    """What is so of a service: what is so of its messages, and `partly` where those pass and another part does not.
    Where a chat was not tried, a page that answers is no chat that works."""
    words: Mapping[Role, Answer] = {row.role: read_role_answer(row) for row in rows}
    chat: Answer | Empty = words.get(_FOR_MESSAGES, "")
    others = sorted({word for role, word in words.items() if role != _FOR_MESSAGES}, key=ANSWER_ORDER.index)
    troubled = [word for word in others if word in TROUBLED]
    if chat in TROUBLED:
        return chat
    if troubled:
        return "partly" if chat == "works" or (not chat and "works" in others) else troubled[0]
    if chat:
        return "unknown" if chat == "not_tested" and set(others) - {"not_tested"} else chat
    return "works" if "works" in others else others[0] if others else "not_tested"


def read_role_answer(row: ServiceVerdict) -> Answer:
    """The row's word; of a row that was stored before there was one, what its outcome says, which is never too much."""
    if row.answer:
        return row.answer
    if row.k:
        return "blocked" if row.outcome == "blocked" else "partly"
    return _OF_OUTCOMES.get(row.outcome, "unknown")
