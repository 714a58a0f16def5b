"""The tables of a run's order are whole, and a row waits for the row that it follows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import get_args

import pytest

from made_up_net import FRAME
from observations import HOST, site_of
from probe.instruments.steps import Lookup
from probe.session.planning.next_steps import plan_rows
from probe.session.planning.order_rows import Need, StepRow
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.plan_view import PlanView
from probe.session.planning.queue_turns import TurnName
from probe.session.planning.run_order import ROUNDS, STEPS, TURNS

VIEW = PlanView(site=site_of(), history=SiteHistory(), context=FRAME, has_answer=True)
STEP = Lookup(channel="system", name=HOST)


def test_every_row_follows_a_row_above_it_at_the_same_place() -> None:
    assert [name for name, count in Counter(row.name for row in STEPS).items() if count > 1] == []
    above: dict[str, str] = {"": ""}
    for row in STEPS:
        assert above[row.follows] == (row.place if row.follows else "")
        above[row.name] = row.place
    assert {row.since for row in STEPS} - {""} <= {round_.name for round_ in ROUNDS[1:]}


def test_every_class_of_waiting_steps_has_its_turn() -> None:
    assert sorted(TURNS) == sorted(get_args(TurnName))


def row(name: str, *, due: int = 0, follows: str = "", needs: bool = True) -> StepRow:
    return StepRow(name=name, does="", place="site", follows=follows, cost=STEPS[0].cost,
                   needs=(Need(words="", holds=lambda view: needs),),
                   plan=lambda view: [replace(STEP, attempt=due)] * bool(due))


@pytest.mark.parametrize(("rows", "due"), [
    ([row("a", due=1), row("b", due=2)], [1, 2]),
    ([row("a", due=1), row("b", due=2, follows="a")], [1]),
    ([row("a"), row("b", due=2, follows="a")], [2]),
    ([row("a", due=1), row("b", follows="a"), row("c", due=3, follows="b"), row("d", due=4)], [1, 4]),
    ([row("a", due=1, needs=False), row("b", due=2, follows="a")], [2]),
])
def test_a_row_waits_while_those_before_it_are_due(rows: list[StepRow], due: list[int]) -> None:
    assert [step.attempt for step in plan_rows(rows, VIEW) if isinstance(step, Lookup)] == due


@pytest.mark.parametrize(("context", "rounds"), [
    (PlanContext(), "visits shapes loss slow_pages"),
    (PlanContext(agreed_helpers=(("93.184.8.8", 443),)), "visits shapes loss slow_pages names"),
    (PlanContext(consent_level=3, agreed_helpers=(("93.184.8.8", 443),)), "visits shapes loss glances flows names"),
])
def test_a_run_has_the_rounds_that_it_may_have(context: PlanContext, rounds: str) -> None:
    assert [round_.name for round_ in ROUNDS if round_.needs(context)] == rounds.split()
