"""A copy by slots is what `dataclasses.replace` makes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.core.observation_parts import DnsPart
from probe.core.observations import Observation
from probe.core.renewal import renew, renew_changed
from probe.core.verdicts import Verdict

SEEN = Observation(operation="connect", hostname="a.example", t0_s=1.5, dns=DnsPart(answers=("192.0.2.1",)))
SAID = Verdict(target_id="a.web.b", service="a", role="web", input="https://a.example/", outcome="ok")
CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "attempt": st.integers(), "t0_s": st.floats(allow_nan=False), "hostname": st.text(), "packets": st.just(()),
}


@given(st.fixed_dictionaries({}, optional=CHANGES))
def test_a_renewed_record_is_a_replaced_one(changes: dict[str, Any]) -> None:
    before = hash(SEEN)
    assert renew(SEEN, **changes) == renew_changed(SEEN, **changes) == replace(SEEN, **changes)
    assert hash(SEEN) == before


def test_a_record_that_has_the_values_already_is_itself() -> None:
    assert renew_changed(SEEN, t0_s=1.5, hostname="a.example") is SEEN
    assert renew_changed(SEEN, t0_s=1.5, hostname="b.example").hostname == "b.example"


def test_a_field_that_a_record_has_not_is_refused() -> None:
    with pytest.raises(KeyError):
        renew(SAID, no_such_field=1)
    assert renew(SAID, outcome="down").outcome == "down"
