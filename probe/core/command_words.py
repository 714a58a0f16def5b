"""Commands within a text for people, so that a line does not end within one: it is there to be copied. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

JOINT = "\0"
"""Stands for a blank within a command while lines are made."""
_WORD = re.compile(r"'[^'\n]*'\S*|\"[^\"\n]*\"\S*|`[^`\n]*`\S*|\S+")
_START = re.compile(r"(?:^|[^\w/.-])(?:probe|sudo|pip|(?:\S*/)?(?:python3?|probe|pip))$", re.ASCII)
_NEXT = re.compile(r"[a-z-]", re.ASCII)
_NAME = re.compile(r"[A-Z0-9/_=@{}<>|&~*$'\"-]|[.:]\w", re.ASCII)
"""What options, names, addresses and files have, and plain words have not."""
_FREE_WORDS = 2
"""A command is followed by as many words that look like prose: `probe targets list`."""


def join_commands(text: str) -> str:
    """The text with `JOINT` for each blank within a command, and within quotation marks of code."""
    joined, end = [], 0
    for first, last in _list_commands(text):
        joined += [text[end:first], text[first:last].replace(" ", JOINT)]
        end = last
    return "".join([*joined, text[end:]])


def _list_commands(text: str) -> Iterator[tuple[int, int]]:
    words = list(_WORD.finditer(text))
    at = 0
    while at < len(words):
        end = at + 1
        if words[at][0].startswith("`"):
            yield words[at].span()
        elif _START.search(_bare(words[at][0])) and end < len(words) and _NEXT.match(words[end][0]):
            plain = 0
            while end < len(words) and _goes_on(words[end - 1][0], words[end][0], plain):
                plain += not words[end][0].startswith("-")
                end += 1
            yield words[at].start(), words[end - 1].end()
        at = end


def _goes_on(before: str, word: str, plain: int) -> bool:
    """Whether a command goes on with the word after the one before; `plain`: how many it has had that are no option."""
    if not before[-1].isascii() or before[-1] in ",;:.)" or not word[0].isascii() or word[0] == "(":
        return False
    return plain < _FREE_WORDS or before.startswith("--") or bool(_NAME.search(word))


def _bare(word: str) -> str:
    """Without the signs of direction around it."""
    return "".join(sign for sign in word if unicodedata.category(sign) != "Cf")
