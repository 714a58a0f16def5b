"""Lines that fit a terminal, also of scripts whose signs take two columns and have no spaces between words. Pure."""

from __future__ import annotations

import re
import textwrap
import unicodedata

from probe.core.command_words import JOINT, join_commands

_WIDE = r"[\u2e80-\ufe0f\uff00-\uffef]"
_CLOSING = "[，。、；：！？）】」』”’]"  # noqa: RUF001
_UNIT = re.compile(rf"\s+|[（【「『“]*(?:{_WIDE}|[^\s\u2e80-\ufe0f\uff00-\uffef“”]+){_CLOSING}*|.", re.DOTALL)  # noqa: RUF001


def fold_line(text: str, columns: int, *, first: str = "", rest: str = "") -> list[str]:
    """The text in lines of so many columns, the first and the other ones with their indents. Words stay whole, and so
    do commands: one that is too long for a line has its own, and the terminal breaks it without a mark."""
    return [line.replace(JOINT, " ") for line in _fold(join_commands(text), columns, first, rest)]


def _fold(text: str, columns: int, first: str, rest: str) -> list[str]:
    if not re.search(_WIDE, text):
        return textwrap.wrap(text, columns, initial_indent=first, subsequent_indent=rest, break_long_words=False,
                             break_on_hyphens=False)
    lines, line, empty = [], first, True
    for unit in _UNIT.findall(text.strip()):
        if not empty and count_columns(line + unit.rstrip()) > columns:
            lines.append(line.rstrip())
            line, empty = rest, True
        if not (empty and unit.isspace()):
            line, empty = line + unit, False
    return [*lines, line.rstrip()]


def count_columns(text: str) -> int:
    """How many columns a terminal gives a text: signs of direction take none."""
    return sum(0 if unicodedata.category(sign) in ("Cf", "Mn") else
               2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
