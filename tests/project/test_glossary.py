"""The glossary is sorted, holds the words of verdicts, and names nothing that is not there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from probe.core.tables.consent_words import LEVELS
from probe.core.tables.outcomes import NOT_ATTEMPTED, OUTCOMES

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "pyproject.toml").exists())
TEXT = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
TERMS = re.findall(r"^\*\*(.+?)\*\*:", TEXT, re.MULTILINE)
NAMES = sorted(set(re.findall(r"`(probe(?:\.\w+)+)`", TEXT)))
STAGES = ("connect", "tls", "app", "http", "page", "quic", "stun")
EVIDENCE_LEVELS = ("socket", "packet")


def exists(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def entry(term: str) -> str:
    """What the glossary says of a term."""
    return re.split(r"^\*\*", TEXT.split(f"**{term}**: ")[1], maxsplit=1, flags=re.MULTILINE)[0]


def test_terms_are_sorted_and_each_stands_once() -> None:
    assert [term.lower() for term in TERMS] == sorted({term.lower() for term in TERMS})


def test_every_entry_is_short() -> None:
    assert [term for term in TERMS if len(entry(term)) > 400] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_code_name_exists(name: str) -> None:
    assert exists(name)


def test_a_name_that_is_not_there_is_noticed() -> None:
    assert not exists("probe.core.verdicts.NoVerdict")


@pytest.mark.parametrize(("term", "words"), [
    ("Outcome", tuple(OUTCOMES)), ("Not attempted", (NOT_ATTEMPTED,)), ("Stage", STAGES),
    ("Evidence level", EVIDENCE_LEVELS), ("Consent level", tuple(str(level) for level in LEVELS)),
])
def test_words_of_verdicts_are_in_it(term: str, words: tuple[str, ...]) -> None:
    assert [word for word in words if not re.search(rf"\b{word}\b", entry(term))] == []
