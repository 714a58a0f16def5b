"""What is said of a country's code that is none, wherever it is given."""

from __future__ import annotations

import pytest

from probe.core.country_codes import explain_no_country


@pytest.mark.parametrize("code", ["RU", "ru", " de ", "XK"])
def test_a_code_that_a_country_has_is_one(code: str) -> None:
    assert explain_no_country(code) == ""


@pytest.mark.parametrize(("code", "near"), [("UK", "GB"), ("el", "GR"), ("QQ", "QQ"), ("Germany", "Germany"), ("", ""),
                                            ("ZZ", "ZZ"), ("XA", "XA"), ("\x1b[31m", "?[31m")])
def test_another_one_is_refused_with_what_may_be_meant(code: str, near: str) -> None:
    told = explain_no_country(code)
    assert near in told
    assert told
    assert "\x1b" not in told


@pytest.mark.parametrize(("code", "good"), [("XA", True), ("xb", True), ("X", False), ("XAB", False), ("QA", True),
                                            ("QQ", False), ("XX", False), ("xx", False)])
def test_made_up_fleets_have_countries_of_their_own(code: str, good: bool) -> None:
    assert (explain_no_country(code, made_up=True) == "") is good
