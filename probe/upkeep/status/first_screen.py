"""What of an answer fits a screen: trouble first, then what can be done, then all others in few lines. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probe.core.line_folding import fold_line
from probe.core.tables.service_answers import ANSWERS, TROUBLED, Answer
from probe.core.translation import say
from probe.upkeep.status.answer_text import (
    describe_blocks,
    describe_headline,
    describe_service_answer,
    fill_circumstance,
    join_titles,
    leave_out_works,
    list_steps,
)
from probe.upkeep.status.run_answer import RunAnswer, find_stop
from probe.upkeep.status.service_answer import ServiceAnswer

COLUMNS, ROWS = 80, 24
_LINES_OF_TITLES = 2
_OTHERS: tuple[Answer, ...] = ("unknown", "works", "not_tested")


class _Screen:
    """Lines while there is room for them."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.left, self.lines = columns, rows, list[str]()

    def count(self, lines: Iterable[str]) -> int:
        return sum(len(fold_line(line.strip(), self.columns, first=_indent(line), rest=f"{_indent(line)}  "))
                   for line in lines)

    def add(self, *lines: str, keep: int = 0) -> bool:
        """Add them all, or none where fewer than `keep` lines would be left."""
        needed = self.count(lines)
        if needed > self.left - keep:
            return False
        self.lines += lines
        self.left -= needed
        return True


def _indent(line: str) -> str:
    return line[:len(line) - len(line.lstrip())]


def describe_first_screen(answer: RunAnswer, *, where: str = "", columns: int = COLUMNS, rows: int = ROWS) -> list[str]:
    """Lines that are at most so many once they are folded to so many columns; what does not fit is counted, and
    `--details` has it. `where` as in `describe_answer`."""
    screen = _Screen(columns, rows)
    screen.add(describe_headline(answer))
    open_ones = [one for one in answer.services if one.parts and not one.retired]
    stop = find_stop(answer)
    said = [fill_circumstance(answer, word) for word in ([stop] if stop else list(answer.circumstances)[:2])]
    around = [(text, "  " + say("to do: {todo}", todo=todo)) for text, todo in said]
    if stop:
        screen.add(*around[0])
        silent = [one for one in open_ones if one.answer != "works"]
        if silent:
            screen.add(_name_some(say("Not tested, so nothing is said of: {services}"), silent, screen))
        _add_kind(screen, "works", open_ones)
        return screen.lines
    troubled = [one for one in open_ones if one.answer in TROUBLED]
    steps = [f"  {text}" for _, text in list_steps(answer, where=where)]
    below = 2 * len(_OTHERS) + (3 if steps else 0)
    kept = below + 1 + min(screen.count(line for lines in around for line in lines), rows // 3)
    shown = 0
    for one in troubled:
        lines = [describe_service_answer(leave_out_works(one)), *describe_blocks(one)]
        if not (screen.add(*lines, keep=kept) or screen.add(*lines[:1], keep=kept)):
            break
        shown += 1
    if troubled[shown:]:
        screen.add(_name_some(say("In trouble as well: {services}"), troubled[shown:], screen))
    for text, todo in around:
        screen.add(text, todo, keep=below)
    if steps:
        screen.add(say("What now:"), steps[0], keep=2 * len(_OTHERS))
        for step in steps[1:3]:
            screen.add(step, keep=2 * len(_OTHERS))
    for kind in _OTHERS:
        _add_kind(screen, kind, open_ones)
    return screen.lines


def _add_kind(screen: _Screen, kind: Answer, services: Sequence[ServiceAnswer]) -> None:
    """In a line or two, of which services a word is so."""
    if alike := [one for one in services if one.answer == kind]:
        heading = say(ANSWERS[kind])
        screen.add(_name_some(f"{heading[:1].upper()}{heading[1:]}: {{services}}", alike, screen))


def _name_some(sentence: str, services: Sequence[ServiceAnswer], screen: _Screen) -> str:
    """As many titles as two lines hold, and how many there are besides."""
    for count in range(len(services), 0, -1):
        more = len(services) - count
        titles = join_titles(services[:count], more=more)
        if screen.count([line := sentence.replace("{services}", titles)]) <= _LINES_OF_TITLES:
            return line
    return sentence.replace("{services}", str(len(services)))
