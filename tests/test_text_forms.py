"""Values of observations and the texts that stored files hold of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observation_values import FORMED
from probe.results.text_forms import FORMS


@pytest.mark.parametrize("column", FORMS)
@given(data=st.data())
def test_a_value_comes_back_from_its_texts(column: str, data: st.DataObject) -> None:
    value = data.draw(FORMED[column])
    assert FORMS[column].read(FORMS[column].write(value)) == value


WELL_FORMED: list[tuple[str, str]] = [
    ("packets", "0.00|out|64|51234|1|S|0|0|64240|0"), ("packets", "-0.01|in|55|0|1|SA|0|1|65160|0"),
    ("packets", "12.50|in|243|-1|-1|icmp 3/13 other|0|0|0|0"), ("packets", "3.00|in|57|7|0|udp|0|0|0|45"),
    ("bins", "0"), ("bins", "14500"),
]


@pytest.mark.parametrize(("column", "text"), WELL_FORMED)
def test_a_text_is_written_as_it_was_read(column: str, text: str) -> None:
    assert FORMS[column].write(FORMS[column].read((text,))) == (text,)


@pytest.mark.parametrize("column", FORMS)
@given(texts=st.lists(st.text() | st.text("0123456789.-|/ abcdefINOUTSAR", max_size=30), max_size=3))
def test_any_text_is_read_without_an_error(column: str, texts: list[str]) -> None:
    value: Any = FORMS[column].read(tuple(texts))
    again = FORMS[column].write(value)
    assert FORMS[column].write(FORMS[column].read(again)) == again
