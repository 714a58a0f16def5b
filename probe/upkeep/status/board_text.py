"""The board on a terminal: a line for each messenger, as wide as there is room, with colour only where it is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from probe.core.line_folding import fold_line
from probe.core.tables.service_answers import ANSWERS, Answer
from probe.core.tables.words import Empty
from probe.core.translation import say
from probe.core.visible_text import visible
from probe.upkeep.status.status_board import HOURS, BoardRow

SIGNS: Mapping[Answer | Empty, str] = MappingProxyType({
    "blocked": "X", "suspected": "?", "fails": "f", "partly": "p", "unknown": "u", "not_tested": "-", "works": "o",
    "": "."})
"""What stands for an hour: a letter, so that colour is never all that tells."""
_COLOURS: Mapping[Answer, str] = MappingProxyType({
    "blocked": "31", "suspected": "33", "fails": "35", "partly": "33", "unknown": "2", "not_tested": "2",
    "works": "32"})
"""SGR parameters (ECMA-48, 8.3.117)."""
_TITLE, _LEAST_HOURS = 20, 6


def describe_board(board: Sequence[BoardRow], *, columns: int, colour: bool, rows: int = 0) -> Iterator[str]:
    """Lines of at most `columns` characters, colour not counted; `rows`: so many messengers at most, 0: all."""
    shown = board[:rows] if rows else board
    hours = max(0, min(HOURS, columns - _TITLE - 1))
    hours = hours if hours >= _LEAST_HOURS else 0
    yield say("messenger, hours (the oldest first), now, last change (UTC; <: or before)")[:columns]
    for row in shown:
        signs = "".join(SIGNS[word] for word in row.hours[HOURS - hours:])
        head = f"{visible(row.title)[:_TITLE]:<{_TITLE}} {signs}"[:columns]
        changed = visible(row.changed[5:16].replace("T", " "))
        tail = f"  {row.now:<10} {'<' if row.same_since_first else ' '} {changed}"[: max(0, columns - len(head))]
        yield _paint(head, row.now, colour=colour) + tail
    if len(shown) < len(board):
        yield say("and {n} more: probe status", n=len(board) - len(shown))[:columns]
    key = ", ".join(f"{SIGNS[word]} {say(meaning)}" for word, meaning in ANSWERS.items())
    yield from (line[:columns] for line in fold_line(f"{key}, {SIGNS['']} {say('no run')}", columns))


def _paint(text: str, word: Answer, *, colour: bool) -> str:
    return f"\x1b[{_COLOURS[word]}m{text}\x1b[0m" if colour else text
