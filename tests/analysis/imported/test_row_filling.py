"""What is filled through a twin is what the class and `dataclasses.replace` make."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.core.observation_parts import DnsPart
from probe.core.observations import Observation
from probe_analysis.imported.row_filling import make_builder, replace_fast

SEEN = Observation(operation="connect", hostname="a.example", t0_s=1.5, dns=DnsPart(answers=("192.0.2.1",)))
CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "attempt": st.integers(), "t0_s": st.floats(allow_nan=False), "hostname": st.text(), "packets": st.just(()),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    name: str
    items: list[str] = field(default_factory=list)


@given(st.fixed_dictionaries({}, optional=CHANGES))
def test_a_copied_row_is_a_replaced_one(changes: dict[str, Any]) -> None:
    before = hash(SEEN)
    assert replace_fast(SEEN, **changes) == replace(SEEN, **changes)
    assert hash(SEEN) == before


def test_a_field_that_a_row_has_not_is_refused() -> None:
    with pytest.raises(AttributeError):
        replace_fast(SEEN, no_such_field=1)  # type: ignore[call-arg]


@given(st.fixed_dictionaries({}, optional=CHANGES))
def test_a_built_row_is_what_its_class_makes(values: dict[str, Any]) -> None:
    built = make_builder(Observation)(operation="connect", **values)
    assert built == Observation(operation="connect", **values)
    assert type(built) is Observation
    with pytest.raises(FrozenInstanceError):
        built.hostname = "b.example"  # type: ignore[misc]


@pytest.mark.parametrize("values", [{}, {"operation": "connect", "no_such_field": 1}])
def test_a_row_is_not_built_without_what_it_needs_or_with_more(values: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        make_builder(Observation)(**values)


def test_mypy_refuses_what_the_class_has_not() -> None:
    """Unused `type: ignore` comments are errors here."""
    with pytest.raises(TypeError):
        make_builder(Observation)(operation="connect", hostnmae="a.example")  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        replace_fast(SEEN, hostnmae="a.example")  # type: ignore[call-arg]


def test_each_row_has_a_default_of_its_own_where_the_class_makes_one() -> None:
    make = make_builder(Listed)
    one, other = make(name="a"), make(name="b")
    assert (one, other) == (Listed(name="a"), Listed(name="b"))
    assert one.items is not other.items
