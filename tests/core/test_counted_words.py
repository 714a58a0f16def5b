"""One of a thing is told in the singular."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from probe.core.counted_words import choose_word, count_things


@pytest.mark.parametrize(("n", "told"), [(0, "0 entries"), (1, "1 entry"), (2, "2 entries"), (2304, "2,304 entries")])
def test_the_noun_takes_the_number(n: int, told: str) -> None:
    assert count_things(n, "entry", "entries") == told


def test_the_usual_plural_has_an_s() -> None:
    assert (count_things(1, "run"), count_things(3, "run"), choose_word(1, "was", "were")) == ("1 run", "3 runs", "was")


COUNTED = re.compile(r"^ (?:more |new |other )?(?:findings|runs|files|rows|targets|endpoints|events|verdicts|"
                     r"measurements|entries|sources)\b")
"""Nouns after a number in a text."""


def test_no_text_of_a_command_counts_one_thing_as_several(root: Path) -> None:
    """Of lengths and sums, which can be one; limits are written in capitals."""
    odd = []
    for path in sorted((root / "probe" / "cli").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.JoinedStr):
                continue
            for value, text in zip(node.values, node.values[1:], strict=False):
                counts = isinstance(value, ast.FormattedValue) and isinstance(value.value, ast.Call) and isinstance(
                    value.value.func, ast.Name) and value.value.func.id in ("len", "sum")
                said = text.value if isinstance(text, ast.Constant) and isinstance(text.value, str) else ""
                if counts and COUNTED.match(said):
                    odd.append(f"{path.name}:{node.lineno}{said}")
    assert odd == []
