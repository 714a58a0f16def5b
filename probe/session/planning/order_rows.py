"""What a row of the tables of a run's order says; the tables themselves are in `run_order`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from probe.instruments.steps import Step
from probe.session.planning.plan_context import PlanContext
from probe.session.planning.plan_view import PlanView
from probe.session.planning.round_looks import RunView

Place = Literal["site", "address", "datagrams"]
"""Where a row is planned: once for a site, or at each of its addresses, over TCP or in datagrams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What must hold before a row is looked at."""

    words: str
    holds: Callable[[PlanView], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a row may take at most, in the words of the documents."""

    where: str
    connections: str
    size: str
    seconds: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One kind of steps. A row is not looked at while the row that it follows has something due at the same place."""

    name: str
    does: str
    place: Place
    plan: Callable[[PlanView], Sequence[Step]]
    needs: tuple[Need, ...]
    follows: str = ""
    """A row above, of the same place."""
    since: str = ""
    """The round from which on its steps can be due; empty: the first."""
    cost: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round of a run: it looks at what is known of all sites, and what it finds makes more steps due."""

    name: str
    does: str
    look: Callable[[RunView], PlanContext] = lambda view: view.context
    """What the planner may use from now on; what it had where nothing is to be done."""
    needs: Callable[[PlanContext], bool] = lambda context: True
    by_lot: bool = False
    """Sites are planned in an order that is drawn."""
    waits_for_slots: bool = True
    """It ends when nothing waits any more; else what waits for a later time slot goes on in the next round."""
    opens_early: Callable[[Step], bool] = lambda step: False
    """Whether the failure of a step opens it at once, in a run that must be over soon: its turn may come too late."""
