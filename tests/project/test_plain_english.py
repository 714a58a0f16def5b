"""Documents that can be read: short paragraphs, and none of the phrases at which readers stopped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.judge.path.all_rules import list_rules
from probe_analysis.populations.population_rules import POPULATION_RULES
from project_root import ROOT

MOST_WORDS = 120
"""Words that a paragraph, or one item of a list, may have."""
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), ROOT / "lab" / "README.md"])
PAGES.remove(ROOT / "CHANGELOG.md")  # what is written there is history
GENERATED = {"api.md", "codebook.md"}
"""Pages that are made from the program: sentences are mended where they stand there."""
WRITTEN = [page for page in PAGES if page.name not in GENERATED]
MOST_IN_A_SENTENCE = 30
MOST_IN_A_REASON = 20
RELATIVE = re.compile(r"(?:What|Whatever|Who|Whoever|Whom|Whose|Whether|Which)\b")
"""Beginnings of a sentence whose subject is a clause: readers must hold it until the verb comes."""
INVERTED = re.compile(
    r"(?:Counted|Judged|Decided|Measured|Computed|Refused|Asked|Held|Named|Told|Seen|Listed|Kept|Chosen|Made|Given) "
    r"(?:is|are|was|were|in|on|for|against|among|from|by|as|does)\b|"
    r"(?:Of|From|To|By|With) (?:these|those|each|what|whom)\b[^,]{0,60} (?:is|are|has|have) (?:said|told|known)\b|"
    r"It is (?:not |only )?(?:(?!a\b|an\b|one\b|said\b)\w+ ){1,3}that\b")
"""A verb or an object before its subject; a cleft sentence, which says "it is X that"."""
SHARES = ((RELATIVE, 0.03), (INVERTED, 0.0))
"""Of the sentences of a page so many may begin so; one always may begin with a clause."""
NEVER = (
    r"What a swap put aside is removed once, line by line",
    r"k blocked of n decided targets",
    r"n counts decided targets only",
    r"for it is that",
    r"\bwhosoever\b", r"\bamiss\b", r"\bhereof\b", r"\bthereof\b", r"\bwherein\b", r"\blikewise\b",
    r"\bin whatever way\b",
)
"""Phrases that readers stopped at, or that were wrong."""
NEVER_IN_WRITTEN = (
    r"\bBuys:", r"\bis to be printed\b", r"\bin the place of\b(?! the dot)", r"\bso as\b", r"\bnor\b", r"\bsave for\b",
    r"\bit is told\b", r"\bis told\b(?! from| apart)", r"\bare told\b(?! from| apart)", r"\bis said of\b",
    r"\bacted upon\b", r"\bread alike\b", r"\bAfter `[a-z_]+`, `",
    r"(?m)^(?:Of|From|To|By|With) (?:each|those|these|what|whom|it) .{0,60}\b(?:is|are|has|have) (?:said|told|known)\b",
)
"""Inversions, old words, and words that say nothing."""
NEVER_IN_REASONS = (
    r"^it\b", r"\bthis one\b", r"\banother one\b", r"\binnocent\b", r"\bnearer\b", r"\bshapes?\b",
    r"\bin turns\b", r"\bshake hands\b", r"\bget the proof\b", r"\bclears? the\b", r"\bfirst words\b", r"\bowners?\b",
    r"\bproves? no\b", r"\bwithout a word\b", r"\bof nobody\b", r"\bunder way\b",
    r"\bis not shown\b", r"\balternating\b", r"\bslow for all\b",
    r"\bours ends?\b", r"; that passes\b", r"\bkept connection\b", r"\bendpoint\b", r"\bcatalogue\b",
    r"\bden(?:y|ies)\b", r"\bnone of our other traffic\b", r"\bonly under its own:",
)
"""Phrases at which a reader from outside stopped, who had a rule's reason alone."""


def read_paragraphs(text: str) -> Iterator[str]:
    """Prose of a page: without code, tables and comments; every item of a list by itself."""
    text = re.sub(r"^( *)(```|~~~).*?^\1\2 *$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    lines = ["" if line.lstrip().startswith("|") else line for line in text.splitlines()]
    for part in re.split(r"\n\s*\n|\n(?= *(?:[-*]|\d+\.) )|(?<=\n)(?=#)", "\n".join(lines)):
        if part.strip():
            yield " ".join(part.split())


@pytest.mark.parametrize("page", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_no_paragraph_is_too_long(page: Path) -> None:
    found = [(len(part.split()), part[:60]) for part in read_paragraphs(page.read_text(encoding="utf-8"))]
    assert [one for one in found if one[0] > MOST_WORDS] == []


def test_phrases_at_which_readers_stopped_do_not_come_back() -> None:
    texts = {path: " ".join(path.read_text(encoding="utf-8").split())
             for path in (*PAGES, *(path for room in ("probe", "lab/probe_lab", "tools")
                                   for path in (ROOT / room).rglob("*.py")))}
    assert [(str(path.relative_to(ROOT)), phrase) for path, text in texts.items() for phrase in NEVER
            if re.search(phrase, text)] == []


def read_sentences(text: str) -> Iterator[str]:
    """Sentences of a page's prose; code, and a list of it, is one word, and a link is its words."""
    for paragraph in read_paragraphs(text):
        if not paragraph.startswith("#"):
            said = re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`(?:, `[^`]*`)*", "`x`", paragraph))
            said = re.sub(r"^(?:[-*>]|\d+\.) +|\bet al\. |(?<= )> ", " ", said)
            yield from (one.strip() for one in re.split(r"(?<=[.!?])[\")*]* +(?=[A-Z\"(`*\[])", said) if one.strip())


@pytest.mark.parametrize("page", WRITTEN, ids=[str(path.relative_to(ROOT)) for path in WRITTEN])
def test_sentences_are_short_and_begin_with_their_subject(page: Path) -> None:
    sentences = list(read_sentences(page.read_text(encoding="utf-8")))
    assert [one for one in sentences if len(one.split()) > MOST_IN_A_SENTENCE] == []
    for pattern, share in SHARES:
        found = [one for one in sentences if pattern.match(one.lstrip('*("')) and not one.endswith("?")]
        assert len(found) <= max(share * len(sentences), share > 0), found


def test_reasons_of_rules_are_short() -> None:
    reasons = {rule.id: rule.why for rule in list_rules()} | {rule.id: rule.why for rule in POPULATION_RULES}
    assert {rule: why for rule, why in reasons.items() if len(why.split()) > MOST_IN_A_REASON} == {}
    assert [rule for rule, why in reasons.items() if RELATIVE.match(why.capitalize())] == []
    assert [(rule, found[0]) for rule, why in reasons.items() for phrase in NEVER_IN_REASONS
            for found in re.finditer(phrase, why)] == []


@pytest.mark.parametrize("page", WRITTEN, ids=[str(path.relative_to(ROOT)) for path in WRITTEN])
def test_plain_pages_stay_plain(page: Path) -> None:
    prose = "\n".join(read_paragraphs(page.read_text(encoding="utf-8")))
    assert [found[0] for phrase in NEVER_IN_WRITTEN for found in re.finditer(phrase, prose)] == []


def test_a_long_paragraph_would_be_found() -> None:
    text = ("# Head\n\n" + "word " * 121 + "\n\n- one\n- two\n\n| " + "cell " * 200 + "|\n\n```\n" + "code " * 200
            + "\n```\n")
    assert [len(part.split()) for part in read_paragraphs(text)] == [2, 121, 2, 2]


def test_faults_of_sentences_would_be_found() -> None:
    text = ("Shown [here](x.md) by `a. B`, `d`. Counted are hosts. It is only time that tells. What is blocked is "
            "named.\n\n- What is it?\n")
    sentences = list(read_sentences(text))
    assert [len(one.split()) for one in sentences] == [4, 3, 6, 5, 3]
    assert [bool(INVERTED.match(one)) for one in sentences] == [False, True, True, False, False]
    assert [bool(RELATIVE.match(one)) for one in sentences] == [False, False, False, True, True]


MOST_WRITTEN_WORDS = 35_000
"""Words in all pages that people write by hand: more are not read, and nobody keeps them true."""
MADE = {"api.md", "codebook.md", "commands.md", "rules.md", "services.md"}
"""Pages that a program writes."""


def count_written_words(page: Path) -> int:
    """The words of a page without its generated tables; of the page on OONI's data all tables are generated."""
    text = re.sub(r"<!-- table:.*?<!-- end -->", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    if page.name == "interop.md":
        text = re.sub(r"(?m)^\|.*$", "", text)
    return len(text.split())


def test_pages_that_people_write_stay_few() -> None:
    pages = [page for page in PAGES if page.name not in MADE]
    counted = {str(page.relative_to(ROOT)): count_written_words(page) for page in pages}
    assert sum(counted.values()) <= MOST_WRITTEN_WORDS, counted


def test_generated_tables_are_not_counted(tmp_path: Path) -> None:
    page = tmp_path / "lab.md"
    page.write_text("one two\n<!-- table: x -->\n| three |\n<!-- end -->\nfour | five\n", encoding="utf-8")
    assert count_written_words(page) == 5
