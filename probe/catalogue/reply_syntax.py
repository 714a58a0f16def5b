"""The words of a reply's pattern: what stands at each place of the text, and which places repeat or may be missing.

They are the part of regular expressions that can be searched for in time that grows with the text alone: characters,
classes, `.`, repeats of one of them (`{2}`, `{1,4}`, `*`, `+`, `?`), choices of words (`(03|04)`), `^` first and `$`
last. They mean what they mean in Python's `re` with DOTALL. Repeated groups, references and looks around are refused:
a search for them may take twice as long with each byte that a server adds. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

MAX_PLACES = 2048
"""Of all choices together."""
MAX_CHOICES = 32
_MAX_REPEAT = 256
_MAX_DEPTH = 4
_QUANTIFIER = re.compile(r"[*+?]|\{(\d{1,4})\}|\{(\d{0,4}),(\d{0,4})\}")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
_CODE = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})")
_KINDS = "dDwWsS"


@dataclass(frozen=True, slots=True)
class CharSet:
    """The characters that may stand at one place: single ones, ranges, or kinds as `\\d`; `negated`: all others."""

    ranges: tuple[tuple[str, str], ...] = ()
    kinds: str = ""
    negated: bool = False

    def has(self, char: str) -> bool:
        """Whether the character belongs to it."""
        inside = any(low <= char <= high for low, high in self.ranges) or any(_is_kind(char, k) for k in self.kinds)
        return inside != self.negated


ANY = CharSet(negated=True)


@dataclass(frozen=True, slots=True)
class Place:
    """One place of the text; `repeats`: more of the same may follow; `optional`: it may be missing."""

    chars: CharSet
    repeats: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that the text may be: places in order. `begins`: at the text's begin; `ends`: at its end, or before
    the line feed there."""

    places: tuple[Place, ...]
    begins: bool = False
    ends: bool = False


_BEGIN, _END = "^", "$"
_Item = Place | str
_Sequence = tuple[_Item, ...]


def parse_pattern(text: str) -> tuple[Choice, ...]:
    """What the pattern looks for. Raises ValueError for words that are none of these, or too many."""
    sequences, at = _parse_choices(text, 0, 0)
    if at < len(text):
        raise ValueError("a ) without its (")
    choices = tuple(map(_make_choice, sequences))
    if sum(len(choice.places) for choice in choices) > MAX_PLACES:
        raise ValueError(f"more than {MAX_PLACES} places")
    return choices


def _make_choice(items: _Sequence) -> Choice:
    begins, ends = items[:1] == (_BEGIN,), items[-1:] == (_END,)
    inner = items[int(begins):len(items) - int(ends)]
    places = tuple(item for item in inner if isinstance(item, Place))
    if len(places) < len(inner):
        raise ValueError("^ stands only at the beginning, $ only at the end")
    return Choice(places, begins=begins, ends=ends)


def _parse_choices(text: str, at: int, depth: int) -> tuple[list[_Sequence], int]:
    """The choices up to the end, or to the bracket that closes them, and where that is."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"more than {_MAX_DEPTH} brackets within one another")
    done: list[_Sequence] = []
    here: list[_Sequence] = [()]
    while at < len(text) and text[at] != ")":
        if text[at] == "|":
            done, here, at = done + here, [()], at + 1
            continue
        more, at = _parse_item(text, at, depth)
        here = _join(here, more)
    return done + here, at


def _join(before: Sequence[_Sequence], after: Sequence[_Sequence]) -> list[_Sequence]:
    if len(before) * len(after) > MAX_CHOICES:
        raise ValueError(f"more than {MAX_CHOICES} choices")
    joined = [one + other for one, other in product(before, after)]
    if sum(map(len, joined)) > MAX_PLACES:
        raise ValueError(f"more than {MAX_PLACES} places")
    return joined


def _parse_item(text: str, at: int, depth: int) -> tuple[list[_Sequence], int]:
    char = text[at]
    if char == "(":
        return _parse_group(text, at, depth)
    if char in (_BEGIN, _END):
        _refuse_quantifier(text, at + 1, char)
        return [(char,)], at + 1
    if char in "*+?":
        raise ValueError(f"nothing stands before {char}")
    chars, at = _parse_chars(text, at)
    places, at = _parse_quantifier(text, at, Place(chars))
    return [places], at


def _parse_group(text: str, at: int, depth: int) -> tuple[list[_Sequence], int]:
    inside = at + 3 if text.startswith("(?:", at) else at + 1
    if text.startswith("?", inside):
        raise ValueError(f"{text[at:at + 3]} looks around or changes the rules, which is not taken")
    choices, end = _parse_choices(text, inside, depth + 1)
    if end >= len(text):
        raise ValueError("a ( without its )")
    _refuse_quantifier(text, end + 1, "a group in brackets")
    return choices, end + 1


def _refuse_quantifier(text: str, at: int, of: str) -> None:
    if _QUANTIFIER.match(text, at):
        raise ValueError(f"{of} is repeated: a search for it may run for ever; only single characters are")


def _parse_quantifier(text: str, at: int, place: Place) -> tuple[tuple[Place, ...], int]:
    found = _QUANTIFIER.match(text, at)
    if not found:
        return (place,), at
    least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(found[0]) or _read_counts(found)
    if max(least, most or 0) > _MAX_REPEAT or (most is not None and most < least):
        raise ValueError(f"{found[0]} is no repeat of at most {_MAX_REPEAT}")
    at = found.end()
    if text.startswith("?", at):  # as few as it takes: where a match is all that is asked for, the same
        at += 1
    if _QUANTIFIER.match(text, at):
        raise ValueError(f"two repeats in a row: {found[0]}{text[at]}")
    must = (place,) * least
    if most is not None:
        return must + (replace(place, optional=True),) * (most - least), at
    return (*must[1:], replace(place, repeats=True, optional=least == 0)), at


def _read_counts(found: re.Match[str]) -> tuple[int, int | None]:
    if found[1]:
        return int(found[1]), int(found[1])
    return int(found[2] or 0), int(found[3]) if found[3] else None


def _parse_chars(text: str, at: int) -> tuple[CharSet, int]:
    if text[at] == ".":
        return ANY, at + 1
    if text[at] == "[":
        return _parse_class(text, at + 1)
    if text[at] == "\\":
        return _parse_escape(text, at + 1)
    return _only(text[at]), at + 1


def _parse_class(text: str, at: int) -> tuple[CharSet, int]:
    negated = text.startswith("^", at)
    start = at = at + int(negated)
    ranges: list[tuple[str, str]] = []
    kinds = ""
    while at == start or not text.startswith("]", at):
        low, at = _parse_member(text, at)
        if text.startswith("-", at) and not text.startswith("-]", at):
            high, at = _parse_member(text, at + 1)
            if low.kinds or high.kinds or low.ranges[0][0] > high.ranges[0][0]:
                raise ValueError("a range in [...] goes from a lower to a higher character")
            ranges.append((low.ranges[0][0], high.ranges[0][0]))
        else:
            ranges += low.ranges
            kinds += low.kinds
    return CharSet(tuple(ranges), kinds, negated), at + 1


def _parse_member(text: str, at: int) -> tuple[CharSet, int]:
    if at >= len(text):
        raise ValueError("a [ without its ]")
    return _parse_escape(text, at + 1) if text[at] == "\\" else (_only(text[at]), at + 1)


def _parse_escape(text: str, at: int) -> tuple[CharSet, int]:
    char = text[at:at + 1]
    if code := _CODE.match(text, at):
        return _only(chr(int(code[1] or code[2], 16))), code.end()
    if char and char in _KINDS:
        return CharSet(kinds=char), at + 1
    if char in _ESCAPES and not text[at + 1:at + 2].isdigit():
        return _only(_ESCAPES[char]), at + 1
    if not char or char.isalnum():
        raise ValueError(f"\\{char} is not taken")
    return _only(char), at + 1


def _only(char: str) -> CharSet:
    return CharSet(((char, char),))


def _is_kind(char: str, kind: str) -> bool:
    inside = {"d": char.isdecimal(), "w": char.isalnum() or char == "_", "s": char.isspace()}[kind.lower()]
    return inside != kind.isupper()
