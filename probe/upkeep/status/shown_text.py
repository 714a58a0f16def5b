"""One run, messenger or target in lines, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from probe.core.plugins import EXPLANATIONS, has_plugin
from probe.core.runs import Run
from probe.core.tables.basis_words import BASES
from probe.core.tables.block_types import BLOCK_TYPES
from probe.core.tables.odds_words import DECIDERS
from probe.core.tables.outcomes import NOT_ATTEMPTED, OUTCOMES
from probe.core.tables.words import read_word
from probe.core.translation import isolate, say, say_count
from probe.core.verdicts import Verdict
from probe.core.visible_text import visible
from probe.upkeep.status.answer_json import encode_answer, encode_service
from probe.upkeep.status.answer_lookup import Shown, Span
from probe.upkeep.status.answer_text import (
    describe_answer,
    describe_block,
    describe_service_answer,
    describe_time,
    name_part,
)
from probe.upkeep.status.first_screen import COLUMNS, ROWS, describe_first_screen

MAX_SPANS = 20


def describe_shown(shown: Shown, *, where: str = "", columns: int = COLUMNS, details: bool = False) -> Iterator[str]:
    """Lines of what was asked for; `where`: options that commands need to find these results. A whole run fits a
    screen of so many columns, unless `details` are wanted."""
    if shown.verdict:
        yield from describe_verdict(shown.verdict)
        yield from _describe_odds(shown.verdict)
        yield from _describe_history(shown.history)
        yield say("More: {command}", command=f"probe explain {_name_explained(shown.run, shown.verdict, where)}")
    elif shown.service:
        yield describe_service_answer(shown.service)
        for part in shown.service.parts:
            if part.causes and part.blocked:
                yield f"    {name_part(part)}: {describe_block(part)}"
        for verdict in shown.verdicts:
            yield f"  {_sum_up(verdict)}"
        yield from _describe_history(shown.history)
    elif details:
        yield from describe_answer(shown.answer, grouped=False, where=where)
    else:
        yield from describe_first_screen(shown.answer, where=where, columns=columns, rows=ROWS - 2)
        yield say("All of it: {command}", command=f"probe show{where} --details")


def _name_explained(run: Run, verdict: Verdict, where: str) -> str:
    """What `probe explain` explains here: the verdict itself, else, without the researchers' part, its word."""
    if has_plugin(EXPLANATIONS, "run"):
        return f"{visible(run.run_id)} {visible(verdict.target_id)}{where}"
    return visible(verdict.block_type or verdict.outcome)


def describe_verdict(verdict: Verdict) -> Iterator[str]:
    """What is said of a target, how sure that is, and what it rests on."""
    yield _sum_up(verdict)
    outcome = verdict.outcome
    yield f"  {say('it was not tried') if outcome == NOT_ATTEMPTED else say(OUTCOMES[outcome])}"
    block = BLOCK_TYPES.get(read_word(verdict.block_type, BLOCK_TYPES))
    if block:
        yield "  " + say("{id}: {meaning}; it differs from {nearest} in this: {test}", id=block.id,
                         meaning=say(block.meaning), nearest=block.nearest, test=say(block.test))
    if verdict.basis:
        yield "  " + say("rests on: {bases}", bases=say(BASES[verdict.basis]))
    if verdict.attempts:
        yield "  " + say_count("{failed} of {n} attempt failed; measurements elsewhere: {control}",
                               "{failed} of {n} attempts failed; measurements elsewhere: {control}", verdict.attempts,
                               failed=verdict.failed_attempts, control=verdict.control)
    if outcome == "blocked":
        again = say("confirmed") if verdict.confirmed else say("in this run alone so far")
        yield "  " + say("confidence {confidence:.2f}, {again}", confidence=verdict.confidence, again=again)
    if verdict.reason:
        yield f"  {say(visible(verdict.reason))}"


def _describe_odds(verdict: Verdict) -> Iterator[str]:
    """How probable a block is of what fails and is left open. Only on the person's own screen: what others read says
    that it is suspected, not shown."""
    if verdict.outcome == "inconclusive" and verdict.p_blocked is not None:
        yield "  " + say("it fails; that a block is why: {n} in 10 in our laboratory's odds",
                         n=round(10 * verdict.p_blocked))
        if decider := DECIDERS.get(read_word(verdict.would_decide, DECIDERS)):
            yield "  " + say("This would decide it: {remedy}.", remedy=say(decider))


def _sum_up(verdict: Verdict) -> str:
    said = " ".join(filter(None, (verdict.outcome, visible(verdict.block_type))))
    return f"{visible(verdict.target_id)}: {said}  {visible(verdict.input)}"


def _describe_history(spans: Sequence[Span]) -> Iterator[str]:
    """The latest first."""
    if spans:
        yield say("What runs said of it, the latest first:")
    for span in spans[: -MAX_SPANS - 1 : -1]:
        until = say_count(" to {time}, {n} run", " to {time}, {n} runs", span.runs,
                          time=describe_time(span.last)) if span.runs > 1 else ""
        yield f"  {isolate(describe_time(span.first))}{until}: {isolate(visible(span.said))}"
    if len(spans) > MAX_SPANS:
        yield "  " + say_count("and {n} change before", "and {n} changes before", len(spans) - MAX_SPANS)


def encode_shown(shown: Shown) -> dict[str, Any]:
    """For programs, and for whoever is sent a verdict that is thought wrong: no packets, no addresses of ours."""
    kind = "target" if shown.verdict else "service" if shown.service else "run"
    document: dict[str, Any] = {"kind": kind, "run": asdict(shown.run),
                                "history": [asdict(span) for span in shown.history]}
    if shown.verdict:
        return {**document, "verdict": asdict(shown.verdict), "observations": [asdict(o) for o in shown.observations]}
    if shown.service:
        return {**document, "service": encode_service(shown.service), "verdicts": [asdict(v) for v in shown.verdicts]}
    return {**document, "answer": encode_answer(shown.answer), "verdicts": [asdict(v) for v in shown.verdicts]}
