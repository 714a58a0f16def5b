"""The answer as plain lines. Pure; nothing in it needs colour, and text of others is made harmless."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from probe.core.tables.answer_words import (
    CIRCUMSTANCES,
    NEXT_STEPS,
    PART_STATES,
    PLURAL_ROLES,
    ROLE_WORDS,
    STATE_ORDER,
    SURENESS,
    UNTESTED_WHYS,
    NextStep,
    PartState,
)
from probe.core.tables.basis_words import BASES
from probe.core.tables.block_types import BLOCK_TYPES
from probe.core.tables.roles import ACCOUNT_PARTS
from probe.core.tables.service_answers import ANSWERS, TROUBLED
from probe.core.tables.words import read_word
from probe.core.translation import isolate, say, say_count
from probe.core.visible_text import visible
from probe.upkeep.status.run_answer import RunAnswer, find_stop
from probe.upkeep.status.service_answer import PartAnswer, ServiceAnswer

HURRIED_S = 300.0
"""A run with a shorter deadline is one for a person who waits."""
_MANY = 3
"""More services of which the same is so share a line."""


def describe_answer(answer: RunAnswer, *, grouped: bool = True, where: str = "") -> Iterator[str]:
    """The whole answer: what kept the run from seeing, messengers in trouble, what now, all others. `grouped`:
    services of which the same is so share a line, so that what matters fits a screen; `where`: options that commands
    need to find these results."""
    yield describe_headline(answer)
    yield from _describe_circumstances(answer)
    open_ones = [one for one in answer.services if one.parts]
    troubled = [one for one in open_ones if one.answer in TROUBLED and not find_stop(answer)]
    others = [one for one in open_ones if one not in troubled]
    yield from _describe_services(troubled, grouped=False)
    if steps := list(list_steps(answer, where=where)):
        yield say("What now:")
        yield from (f"  {text}" for _, text in steps)
    if find_stop(answer) and others:
        yield say("Not tested, so nothing is said of: {services}", services=join_titles(others))
    elif grouped:
        yield from _describe_services([_leave_account_out(one) for one in others], grouped=True)
        yield from _describe_account_parts(others)
    else:
        yield from _describe_services(others, grouped=False)
    if closed := [one for one in answer.services if one.retired]:
        yield say("Closed by their makers, so there is nothing to test: {services}", services=join_titles(closed))


def describe_headline(answer: RunAnswer) -> str:
    """When and where, and how many messengers are so."""
    if find_stop(answer):
        return f"{describe_place(answer)}: {say(ANSWERS['unknown'])}"
    counts = say(", ").join(say("{n} {state}", n=n, state=say(ANSWERS[word]))
                            for word, n in answer.counts.items())
    return f"{describe_place(answer)}: {counts or say('nothing was tested')}"


def describe_place(answer: RunAnswer) -> str:
    """When and where the run was made."""
    cc, asn = answer.place
    lab = say("In the laboratory: ") if answer.lab else ""
    return lab + say("{time}, {place}", time=describe_time(answer.start), place=f"{visible(cc)} AS{asn}")


def _describe_circumstances(answer: RunAnswer) -> Iterator[str]:
    for word in answer.circumstances:
        text, todo = fill_circumstance(answer, word)
        yield text
        yield "  " + say("to do: {todo}", todo=todo)


def fill_circumstance(answer: RunAnswer, word: str) -> tuple[str, str]:
    """What is so, and what to do, with this run's numbers."""
    circumstance, missing = CIRCUMSTANCES[read_word(word, CIRCUMSTANCES)], answer.missing
    blanks = {"fast": " --fast" if answer.deadline_s < HURRIED_S else "", "missing": missing.tests,
              "first": answer.awaiting.first, "second": answer.awaiting.second,
              "chosen": missing.chosen, "more": describe_seconds(missing.more_s),
              "deadline_s": min(7200, 30 * round(0.5 + 1.5 * (answer.deadline_s + missing.more_s) / 30))}
    return say(circumstance.text, **blanks), say(circumstance.todo, **blanks)


def describe_seconds(seconds: float) -> str:
    """`40 s`, `3 minutes`."""
    return say("{n} s", n=max(1, round(seconds))) if seconds < 90 else say_count("{n} minute", "{n} minutes",
                                                                                 round(seconds / 60))


def _describe_services(services: Sequence[ServiceAnswer], *, grouped: bool) -> Iterator[str]:
    for said, members in groupby(sorted(services, key=_rank_alike), key=_list_alike):
        alike = list(members)
        if not grouped or len(alike) < _MANY or any(state not in _FOLDED for _, state, *_ in said):
            for one in alike:
                yield describe_service_answer(one)
                yield from describe_blocks(one)
        else:
            yield f"{_describe_group(alike)}: {join_titles(alike)}"


def _leave_account_out(one: ServiceAnswer) -> ServiceAnswer:
    """The service without what needs an account, unless that is all."""
    parts = tuple(part for part in one.parts if part.state != "needs_account")
    return replace(one, parts=parts) if parts else one


def leave_out_works(one: ServiceAnswer) -> ServiceAnswer:
    """The service with what is in trouble, and what of it was not tested, alone."""
    parts = tuple(part for part in one.parts if part.state not in ("works", "needs_account"))
    return replace(one, parts=parts) if parts else one


def _describe_account_parts(services: Sequence[ServiceAnswer]) -> Iterator[str]:
    """In one line what of these services nobody can test without an account."""
    whose: dict[str, list[str]] = {}
    for one in services:
        for part in one.parts if any(part.state != "needs_account" for part in one.parts) else ():
            if part.state == "needs_account":
                whose.setdefault(name_part(part), []).append(_title(one))
    if whose:
        said = say("; ").join(say("{part} of {services}", part=part, services=_join(titles))
                         for part, titles in whose.items())
        yield say("Cannot be tested without an account: {parts}", parts=said)


_FOLDED: tuple[PartState, ...] = ("works", "needs_account", "not_tested", "reached_only", "too_little",
                                  "not_judged", "not_reached")
"""States that several services may share a line for; any other state has a line for each service."""


_SILENT: tuple[PartState, ...] = ("needs_account", "not_tested", "not_judged", "not_reached")
"""What says nothing of a service."""


def _rank_alike(one: ServiceAnswer) -> tuple[int, str]:
    said = _list_alike(one)
    return min(STATE_ORDER.index(state) for _, state, *_ in said), str(said)


def _list_alike(one: ServiceAnswer) -> tuple[tuple[str, PartState, str, int], ...]:
    """What is so of a service beside that it works: services that are alike in this share a line."""
    if all(part.state in _SILENT for part in one.parts):
        states = [("", part.state, part.why or "", part.level) for part in one.parts if part.state != "needs_account"]
        return (max(states, key=states.count, default=("", "needs_account", "", 0)),)
    return tuple((part.part, part.state, part.why or "", part.level) for part in one.parts if part.state != "works"
                 ) or (("", "works", "", 0),)


def _describe_group(alike: Sequence[ServiceAnswer]) -> str:
    part, state, why, level = _list_alike(alike[0])[0]
    if not part and state != "works":
        more = say(UNTESTED_WHYS[read_word(why, UNTESTED_WHYS)], level=level) if why else ""
        state_said = say(PART_STATES[state].one)
        return f"{state_said[:1].upper()}{state_said[1:]}{f' ({more})' if more else ''}"
    parts = [part for part in alike[0].parts if part.state != "works"]
    works = any(part.state == "works" for one in alike for part in one.parts)
    said = [*([say("all that was tested works")] if works else []), *_describe_parts(parts)]
    text = say("; ").join(said)
    return text[:1].upper() + text[1:]


def describe_service_answer(one: ServiceAnswer) -> str:
    """`WhatsApp: web works; chat NOT TESTED (consent level 2 tests it); calls cannot be tested without an account`."""
    if one.retired:
        return say("{service}: closed by its maker, so there is nothing to test", service=visible(one.title))
    return f"{_title(one)}: " + (say("; ").join(_describe_parts(one.parts)) or say("nothing was tested"))


def _describe_parts(parts: Sequence[PartAnswer]) -> Iterator[str]:
    groups: dict[tuple[str, str], list[PartAnswer]] = {}
    for part in parts:
        groups.setdefault((part.state, _describe_more(part)), []).append(part)
    for (state, more), members in groups.items():
        words = PART_STATES[read_word(state, PART_STATES)]
        plural = len(members) > 1 or members[0].part in PLURAL_ROLES or members[0].part in ACCOUNT_PARTS
        yield say("{parts} {state}", parts=_join([name_part(m) for m in members]),
                  state=say(words.many if plural else words.one)) + more


def name_part(part: PartAnswer) -> str:
    """What people call it."""
    if part.part in ACCOUNT_PARTS:
        return say(ACCOUNT_PARTS[part.part])
    return say(ROLE_WORDS[read_word(part.part, ROLE_WORDS)])


def _describe_more(part: PartAnswer) -> str:
    if part.why:
        return f" ({say(UNTESTED_WHYS[part.why], level=part.level)})"
    if part.state == "partly_blocked":
        return " " + (say("(at {blocked} of {decided} places)", blocked=part.blocked, decided=part.decided)
                      if part.blocked < part.decided else
                      say_count("(at {n} place, others are not decided)", "(at {n} places, others are not decided)",
                                part.blocked))
    if part.failed:
        return " " + say_count("({failed} of {n} connection failed)", "({failed} of {n} connections failed)", part.made,
                               failed=part.failed)
    return ""


def describe_blocks(one: ServiceAnswer) -> Iterator[str]:
    """Below a service: since when, how sure, and what it rests on, of each block."""
    parts_by_line: dict[str, list[str]] = {}
    for part in one.parts:
        if part.causes and part.state in _BLOCKS:
            parts_by_line.setdefault(describe_block(part), []).append(name_part(part))
    yield from (f"    {_join(parts)}: {line}" for line, parts in parts_by_line.items())


_BLOCKS: tuple[PartState, ...] = ("blocked", "partly_blocked")


def describe_block(part: PartAnswer) -> str:
    """`since 25 Nov 2026 12:05 UTC, 3 runs; seen again at another time; tls.reset.sni: ...; rests on: ...`."""
    known = [BLOCK_TYPES.get(read_word(cause, BLOCK_TYPES)) for cause in part.causes]
    causes = [f"{isolate(visible(cause))}: {say(block.meaning)}" if block else visible(cause)
              for cause, block in zip(part.causes, known, strict=True)]
    bases = say("; ").join(say(BASES[basis]) for basis in part.bases)
    rests = say("rests on: {bases}", bases=bases) if bases else ""
    sure = say(SURENESS[part.sureness]) if part.sureness else ""
    return say("; ").join(filter(None, (describe_since(part), sure, *causes, rests)))


def describe_since(part: PartAnswer) -> str:
    """When the block was first seen by runs in this network, one after the other. Nobody knows when it began where no
    run before saw the part work."""
    seen = part.history
    if not seen.since:
        return ""
    if not seen.last_well and seen.runs == 1:
        return ""  # nothing was known before: when it began, this run cannot tell
    time = describe_time(seen.since)
    since = say("since {time}", time=time) if seen.last_well else say("since at least {time}", time=time)
    runs = say_count(", in {n} run", ", in {n} runs", seen.runs) if seen.runs > 1 else ""
    well = say(", worked last at {time}", time=describe_time(seen.last_well)) if seen.last_well else ""
    return f"{since}{runs}{well}"


def describe_time(stamp: str) -> str:
    """`2026-11-25 12:05 UTC`, of RFC 3339 as rows have it."""
    return f"{visible(stamp[:16].replace('T', ' '))} UTC"


def list_steps(answer: RunAnswer, *, where: str = "") -> Iterator[tuple[NextStep, str]]:
    """What to do now, each with the command; `where` as `describe_answer` has it."""
    failing = [part for _, part in answer.list_parts() if part.targets]
    levels = [part.level for _, part in answer.list_parts() if part.why == "level" and part.level]
    blanks = {"run": visible(answer.run_id.partition("_")[0]), "level": min(levels, default=0), "where": where,
              "target": visible(failing[0].targets[0]) if failing else "TARGET"}
    yield from ((word, say(NEXT_STEPS[word], **blanks)) for word in answer.steps)


def _join(words: Sequence[str]) -> str:
    return say(" and ").join(filter(None, (say(", ").join(words[:-1]), words[-1])))


def join_titles(services: Sequence[ServiceAnswer], *, more: int = 0) -> str:
    """`Signal, Viber and 3 more`."""
    return _join([*map(_title, services), *([say_count("{n} more", "{n} more", more)] if more else [])])


def _title(one: ServiceAnswer) -> str:
    return str(isolate(visible(one.title)))
