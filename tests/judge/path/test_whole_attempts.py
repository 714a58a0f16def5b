"""Attempts at an address, whatever was done there: every operation may come beside those of a visit."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from observations import HERE4, HOST, RESET, TIMEOUT, endpoint, numbered, operation, site_of
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.operations import OPERATIONS
from probe.core.tables.purposes import Purpose
from probe.judge.path.path_evidence import gather_path_evidence
from probe.judge.path.whole_attempts import DEPTHS, list_whole_attempts

FAILURES: tuple[Failure, ...] = ("", RESET, TIMEOUT)
SCHEMES = ("tcp", "tls", "quichandshake", "stun")
ENDPOINTS = (endpoint(), *(endpoint(f"{scheme}://{HOST}:443") for scheme in SCHEMES))


@st.composite
def operations(draw: st.DrawFn) -> Observation:
    return operation(draw(st.sampled_from(tuple(OPERATIONS))), HERE4, draw(st.sampled_from(FAILURES)),
                     input=draw(st.sampled_from(ENDPOINTS)).input, port=443,
                     purpose=draw(st.sampled_from(get_args(Purpose))), attempt=draw(st.integers(1, 4)))


@given(st.lists(operations(), max_size=12), st.lists(operations(), max_size=4))
def test_any_operations_are_read(visits: list[Observation], around: list[Observation]) -> None:
    seen = numbered(visits)
    for one in ENDPOINTS:
        gather_path_evidence(site_of(one), one, HERE4, visits=seen, around=around, controls=(), traces=around,
                             flows=around)
    numbers = list_whole_attempts(seen)
    assert numbers == sorted({o.attempt for o in seen if o.operation in DEPTHS} & set(numbers))


@given(st.lists(operations(), max_size=8))
def test_what_is_no_step_of_a_visit_is_no_attempt(visits: list[Observation]) -> None:
    steps = [o for o in visits if o.operation in DEPTHS]
    assert list_whole_attempts(visits) == list_whole_attempts(steps)
