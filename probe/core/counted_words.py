"""Counts with their nouns, of what is told in English alone; what is translated goes through `say_count`. Pure."""

from __future__ import annotations


def count_things(n: int, one: str, many: str = "") -> str:
    """`1 run`, `2,304 runs`; `many`: the plural, where it is not `one` with an s."""
    return f"{n:,} {choose_word(n, one, many)}"


def choose_word(n: int, one: str, many: str = "") -> str:
    """The word that a number takes: `run` or `runs`, `was` or `were`."""
    return one if n == 1 else many or f"{one}s"
