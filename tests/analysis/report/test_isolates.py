"""Signs of direction in pages: ours become elements, all others are shown."""

from __future__ import annotations

import pytest

from probe.upkeep.page.markup import mark_isolates


@pytest.mark.parametrize(("text", "markup"), [
    ("plain <b>", "plain &lt;b&gt;"),
    ("a \u2068x & y\u2069 b", "a <bdi>x &amp; y</bdi> b"),
    ("\u2066probe \u2068run\u2069\u2069", '<bdi dir="ltr">probe <bdi>run</bdi></bdi>'),
    ("a \u2068b", "a \\u2068b"), ("a\u2069 b\u2068", "a\\u2069 b\\u2068"), ("\u202ea", "\\u202ea"),
])
def test_signs_that_pair_become_elements(text: str, markup: str) -> None:
    assert mark_isolates(text) == markup
