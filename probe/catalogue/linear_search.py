"""Looks for a reply's pattern in a text, in time that grows with the text's length and never faster.

All choices of a pattern are followed at once: one bit of a number for each place at which the text so far may have
arrived (Navarro and Raffinot, "Fast and simple character classes and bounded gaps pattern matching"). Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from probe.catalogue.reply_syntax import CharSet, Choice, parse_pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearPattern:
    """A pattern as bits: each choice has one for its start, then one for each place."""

    places: tuple[tuple[CharSet, int], ...]
    """Each set of characters, and where it stands."""
    starts_anywhere: int
    starts_first: int
    repeats: int
    optional: int
    before_optional: int
    """The bit before each row of optional places; below, its last one."""
    last_optional: int
    ends_anywhere: int
    ends_last: int

    def is_in(self, text: str) -> bool:
        """Whether some part of `text` is what the pattern says."""
        masks: dict[str, int] = {}
        state = self._skip(self.starts_anywhere | self.starts_first)
        last = len(text) - 1
        for at, char in enumerate(text):
            if state & self.ends_anywhere or (at == last and char == "\n" and state & self.ends_last):
                return True
            mask = masks.get(char)
            if mask is None:
                mask = masks[char] = sum(bits for chars, bits in self.places if chars.has(char))
            state = self._skip((((state << 1) | (state & self.repeats)) & mask) | self.starts_anywhere)
        return bool(state & (self.ends_anywhere | self.ends_last))

    def _skip(self, state: int) -> int:
        """The state with the optional places that may be left out after it."""
        ends = state | self.last_optional
        return state | (self.optional & (~(ends - self.before_optional) ^ ends)) if self.optional else state


@lru_cache(maxsize=128)
def compile_pattern(text: str) -> LinearPattern:
    """The pattern of these words (`probe.catalogue.reply_syntax`). Raises ValueError."""
    sets: dict[CharSet, int] = {}
    of = dict.fromkeys(("anywhere", "first", "repeats", "optional", "before", "last", "ends_anywhere", "ends_last"), 0)
    bit = 1
    for choice in parse_pattern(text):
        of["first" if choice.begins else "anywhere"] |= bit
        for number, place in enumerate(choice.places):
            bit <<= 1
            sets[place.chars] = sets.get(place.chars, 0) | bit
            of["repeats"] |= bit * place.repeats
            of["optional"] |= bit * place.optional
            if place.optional:
                of["before"] |= 0 if number and choice.places[number - 1].optional else bit >> 1
                of["last"] |= 0 if _is_optional(choice, number + 1) else bit
        of["ends_last" if choice.ends else "ends_anywhere"] |= bit
        bit <<= 1
    return LinearPattern(
        places=tuple(sets.items()), starts_anywhere=of["anywhere"], starts_first=of["first"], repeats=of["repeats"],
        optional=of["optional"], before_optional=of["before"], last_optional=of["last"],
        ends_anywhere=of["ends_anywhere"], ends_last=of["ends_last"],
    )


def _is_optional(choice: Choice, number: int) -> bool:
    return number < len(choice.places) and choice.places[number].optional
