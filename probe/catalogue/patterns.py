"""Text patterns without backtracking: pieces that must follow one another, found from left to right in linear time.

Lists of fingerprints come from outside as regular expressions. A regular expression can make a matcher run for ever,
so none is ever compiled: what consists of literal text and `.*` is taken as pieces, everything else is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_PATTERN = 512
MAX_PIECES = 8
MIN_LITERAL = 5
"""Characters that a pattern must show: less is in every page."""
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_OPERATORS = frozenset("*+?[](){}|^$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Pieces of literal text in order, anything between them. `starts`: the first begins the text; `ends`: the last
    ends it."""

    pieces: tuple[str, ...]
    starts: bool = False
    ends: bool = False

    def matches(self, text: str) -> bool:
        """Whether `text` shows the pieces; the leftmost place of each is always the best one."""
        at = 0
        for number, piece in enumerate(self.pieces):
            if number == 0 and self.starts:
                if not text.startswith(piece):
                    return False
                at = len(piece)
                continue
            if number == len(self.pieces) - 1 and self.ends:
                return len(text) - len(piece) >= at and text.endswith(piece)
            found = text.find(piece, at)
            if found < 0:
                return False
            at = found + len(piece)
        return not self.ends or at == len(text)


def make_literal_pattern(text: str, *, match: str) -> Pattern:
    """A pattern of one piece; `match` is full, prefix or contains. Raises ValueError for what tells nothing."""
    return _check_bounds(Pattern(pieces=(text,), starts=match in ("full", "prefix"), ends=match == "full"))


def parse_expression(text: str) -> Pattern:
    """A regular expression that consists of literals and `.*`, as a pattern.

    Raises ValueError for any other. An unescaped dot is read as a dot, which matches less than the expression does.
    """
    if len(text) > 2 * MAX_PATTERN:
        raise ValueError(f"longer than {MAX_PATTERN} characters")
    starts, ends = text.startswith("^"), text.endswith("$") and not text.endswith("\\$")
    pieces, piece, at = [], "", int(starts)
    stop = len(text) - int(ends)
    if text[at:].startswith(".*"):
        starts = False
    while at < stop:
        char, following = text[at], text[at + 1] if at + 1 < stop else ""
        if char == "\\":
            piece += _unescape(following)
            at += 2
        elif char == "." and following in ("*", "+"):
            pieces.append(piece)
            piece, at = "", at + 2
            at += int(at < stop and text[at] == "?")
            ends = ends and at < stop
        elif char in _OPERATORS:
            raise ValueError(f"{char!r} needs a search that may run for ever; only literals and .* are taken")
        else:
            piece += char
            at += 1
    return _check_bounds(Pattern(pieces=tuple(p for p in (*pieces, piece) if p), starts=starts, ends=ends))


def _unescape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if not char or char.isalnum():
        raise ValueError(f"\\{char} is no literal")
    return char


def _check_bounds(pattern: Pattern) -> Pattern:
    length = sum(map(len, pattern.pieces))
    if length > MAX_PATTERN or len(pattern.pieces) > MAX_PIECES:
        raise ValueError(f"longer than {MAX_PATTERN} characters or {MAX_PIECES} pieces")
    if length < MIN_LITERAL:
        raise ValueError("too short to tell one page from another")
    return pattern
