"""Patterns of replies: the same answers as Python's `re`, in time that grows with the reply alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.catalogue.linear_search import compile_pattern
from probe.catalogue.reply_syntax import MAX_PLACES
from probe.instruments.messengers.reply_pattern import MAX_MATCHED_BYTES, find_reply_mismatch

CHARACTERS = st.sampled_from(
    ("a", "b", ".", "[ab]", "[^a]", "[a-c]", r"\d", r"\W", r"\s", r"\n", r"\.", r"\x00", "[]a]"))
REPEATS = st.sampled_from(("", "", "", "*", "+", "?", "{2}", "{1,3}", "{,2}", "{2,}", "*?", "{", "{,}"))
WORDS = st.lists(st.tuples(CHARACTERS, REPEATS).map("".join), max_size=4).map("".join)
GROUPS = st.lists(WORDS, min_size=1, max_size=3).map(lambda words: f"({'|'.join(words)})")
PATTERNS = st.tuples(st.sampled_from(("", "^")), st.lists(WORDS | GROUPS, max_size=3).map("".join),
                     st.sampled_from(("", "$"))).map("".join)


@given(PATTERNS, st.text("abc.1 \n\0é{", max_size=10))
def test_it_finds_what_regular_expressions_find(pattern: str, text: str) -> None:
    assert compile_pattern(pattern).is_in(text) == (re.search(pattern, text, re.DOTALL) is not None)


@pytest.mark.parametrize("pattern", [
    r"^(.+)+\x00$", "(a|aa)+$", "(a*)*b", "(?:a+)+", "(.*a){12}", r"(a)\1", "(?=a)", "(?i)a", r"a\b", "a++", "a**",
    "a{300}", "(", ")", "[a", "a(b", "[b-a]", "*a", "a^b", "a$b", "\\", "((((((a))))))", "(a|b)" * 6, "a{256}" * 9,
])
def test_what_may_run_for_ever_or_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        compile_pattern(pattern)


@pytest.mark.parametrize(("expected", "met"), [
    (f"text:{'.*a' * 60}c", False), (f"text:^{'a*' * 90}c", False), (f"text:{'a?' * 60}{'a' * 60}$", True),
    (f"hex:({'[0-9a-f]*|' * 20}00)x", False), (f"text:a{{{MAX_PLACES // 16}}}$", True),
])
def test_the_worst_patterns_end(expected: str, met: bool) -> None:
    """Each of these keeps `re` busy for years."""
    reply = b"a" * MAX_MATCHED_BYTES
    assert (find_reply_mismatch(expected, reply, {}) == "") is met
