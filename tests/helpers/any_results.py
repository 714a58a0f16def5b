"""Runs of any values at all, with texts that are made to break what they go through."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_type_hints

from hypothesis import strategies as st

from observation_values import FORMED, REPLIES
from observations import observation
from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.runs import Run, RunResult, Vantage
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.store.flat_observation import list_column_types
from probe.store.plain_types import strip_literals
from probe.store.text_forms import read_place

HOSTILE = (
    "", " ", "'", "''", '"', '""', ",", ";", ";;", "=", "\\", "\\e", "\\n", "\\x3b", "a\nb", "a\r\nb", "\t=1", "\r",
    "\x00", "\x1b[2J\x1b]0;owned\x07", "\u202egpj.exe", "\u200fab", "\u2028", "\ufeff", "\ud800", "\ud83d\ude00", "😀",
    "=HYPERLINK(\"http://a\")", "+1", "-1", "@SUM(A1)", " =1", "a;=1", "a; @x", "\uff1d1", "true", "NaN", "x" * 10_000,
    "\u06cc\u200c\u06a9", "1|64|AA|192.0.2.1",
)
TEXTS = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=()), max_size=12)
NO_PATHS = TEXTS.filter(lambda text: not {"/", "\\"}.intersection(text))
"""For whose list it was: what older versions wrote there, a path, is read as another word on purpose."""
INTEGERS = st.integers(-(2**63), 2**63 - 1)
NUMBERS = st.floats(allow_nan=False)
VALUES: dict[object, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: INTEGERS,
    float: NUMBERS,
    bool: st.booleans(),
    tuple[str, ...]: st.lists(TEXTS, max_size=3).map(tuple),
    tuple[int, ...]: st.lists(INTEGERS, max_size=3).map(tuple),
    tuple[tuple[Place, str], ...]: st.lists(st.tuples(TEXTS.map(read_place), TEXTS), max_size=3).map(tuple),
    str | None: st.none() | TEXTS,
    float | None: st.none() | NUMBERS,
}


def any_of(kind: type, **fixed: object) -> st.SearchStrategy[Any]:
    if kind is Observation:
        flat = {name: VALUES[strip_literals(hint)] for name, hint in list_column_types().items()} | FORMED | {
            "operation": st.just("dns_round_trip"), "replies": REPLIES["dns_round_trip"]}
        return st.builds(observation, **flat | {name: st.just(value) for name, value in fixed.items()})
    hints = get_type_hints(kind)
    free = {f.name: VALUES[strip_literals(hints[f.name])] for f in fields(kind) if f.name not in fixed}
    free |= {"catalogue_path": NO_PATHS} if "catalogue_path" in free else {}
    return st.builds(kind, **free, **{name: st.just(value) for name, value in fixed.items()})


RESULTS = st.builds(
    RunResult,
    run=any_of(Vantage).flatmap(lambda vantage: any_of(
        Run, run_id="r-1", measurement_start_time="2017-05-04T06:12:00Z", vantage=vantage,
    )),
    observations=st.lists(any_of(Observation, run_id="r-1"), max_size=2).map(tuple),
    controls=st.lists(any_of(ControlAnswer), max_size=2).map(tuple),
    verdicts=st.lists(any_of(Verdict), max_size=2).map(tuple),
    services=st.lists(any_of(ServiceVerdict), max_size=2).map(tuple),
)
