"""What a person is told is tested by the facts in it and their order, not by its sentences."""

from __future__ import annotations


def in_order(text: str, *facts: str) -> bool:
    """Whether a text holds these, one after the other; how it is wrapped does not matter."""
    rest = " ".join(text.split())
    for fact in facts:
        _, found, rest = rest.partition(fact)
        if not found:
            return False
    return True
