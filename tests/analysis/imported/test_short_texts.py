"""Texts of others are on one line, and bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probe_analysis.imported.short_texts import shorten


@given(st.text(max_size=1000))
def test_no_text_is_too_wrong(text: str) -> None:
    assert len(shorten(text)) <= 200
    assert len(shorten(text).splitlines()) <= 1
