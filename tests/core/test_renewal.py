"""What is filled through a twin is what the class and `dataclasses.replace` make."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.core.observation_parts import DnsPart
from probe.core.observations import Observation
from probe.core.renewal import build, renew, renew_changed
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
    with pytest.raises(AttributeError):
        renew(SAID, no_such_field=1)
    assert renew(SAID, outcome="down").outcome == "down"


@given(st.fixed_dictionaries({}, optional=CHANGES))
def test_a_built_record_is_what_its_class_makes(values: dict[str, Any]) -> None:
    built = build(Observation, operation="connect", **values)
    assert built == Observation(operation="connect", **values)
    assert type(built) is Observation
    with pytest.raises(FrozenInstanceError):
        built.hostname = "b.example"  # type: ignore[misc]


@pytest.mark.parametrize("values", [{}, {"operation": "connect", "no_such_field": 1}])
def test_a_record_is_not_built_without_what_it_needs_or_with_more(values: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        build(Observation, **values)
