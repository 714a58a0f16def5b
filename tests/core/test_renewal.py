"""What is filled through a twin is what the class and `dataclasses.replace` make."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.core.observation_parts import DnsPart
from probe.core.observations import Observation
from probe.core.renewal import build, make_builder, make_renewer, renew, renew_changed
from probe.core.verdicts import Verdict

SEEN = Observation(operation="connect", hostname="a.example", t0_s=1.5, dns=DnsPart(answers=("192.0.2.1",)))
SAID = Verdict(target_id="a.web.b", service="a", role="web", input="https://a.example/", outcome="ok")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    name: str
    items: list[str] = field(default_factory=list)
    kind: str = "a"
    new: str = "b"
    old: str = "c"


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


@given(st.fixed_dictionaries(CHANGES))
def test_what_is_made_for_some_fields_makes_the_same(values: dict[str, Any]) -> None:
    built = make_builder(Observation, "operation", *values)(operation="connect", **values)
    assert built == Observation(operation="connect", **values)
    assert make_renewer(Observation, *values)(SEEN, **values) == replace(SEEN, **values)
    assert type(built) is Observation


def test_each_record_has_a_default_of_its_own_where_the_class_makes_one() -> None:
    make = make_builder(Listed, "name")
    one, other = make(name="a"), make(name="b")
    assert (one, other) == (Listed(name="a"), Listed(name="b"))
    assert one.items is not other.items
    assert make_renewer(Listed, "kind", "new")(one, kind="d", new="e") == replace(one, kind="d", new="e")


@pytest.mark.parametrize("values", [{}, {"operation": "connect"}, {"hostname": "a", "operation": "connect", "x": 1}])
def test_what_is_made_for_some_fields_takes_all_of_them_and_no_others(values: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        make_builder(Observation, "operation", "hostname")(**values)
    with pytest.raises(TypeError):
        make_builder(Observation, "hostname")


def test_what_changes_a_field_that_a_record_has_not_is_refused() -> None:
    with pytest.raises(AttributeError):
        make_renewer(Verdict, "no_such_field")(SAID, no_such_field=1)
