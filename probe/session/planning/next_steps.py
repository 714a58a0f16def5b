"""Every step that is due for one site; steps are values, and the session takes each only once.

Theory of operation
-------------------
The planner is one pure function. It is given a site, what is known of it so far (`SiteHistory`) and what the run may
use (`PlanContext`), and returns every step that is due now, also those that were taken. The run loop
(`probe.session.run_loop`) calls it again whenever an observation of the site has come in.

It goes through the table of steps (`probe.session.planning.run_order`) from top to bottom; no row keeps a state of its
own. A row is passed over where what it needs does not hold, and where the row that it follows has something due.

What must never be broken:

- Pure: no clock, no socket, no chance. The same arguments give the same steps, so a plan can be tested as a table.
- Growing: what was due stays due while more becomes known, or the loop would wait for a step that nobody plans.
- An equal step is the same step. Whoever wants something once more must say so in the step (`attempt`).
- The innocent name goes before the target's at an address: a forbidden name may spoil the address for minutes.
- What sets a box off, or costs others traffic, needs the consent level that its row or its module names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from probe.catalogue.sites import Site
from probe.core.tables.protocols import DATAGRAMS
from probe.instruments.steps import Step, Visit
from probe.session.planning.order_rows import Place, StepRow
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.plan_view import PlanView, make_plan_view
from probe.session.planning.run_order import STEPS

_GROUPS: tuple[tuple[Place, tuple[StepRow, ...]], ...] = tuple(
    (place, tuple(rows)) for place, rows in groupby(STEPS, key=lambda row: row.place))


def plan_next_steps(site: Site, history: SiteHistory, context: PlanContext) -> list[Step]:
    """Every step that is due for `site`; those already taken may be among them."""
    view = make_plan_view(site, history, context)
    spoken: Place = "datagrams" if site.kind in DATAGRAMS else "address"
    steps: list[Step] = []
    for place, rows in _GROUPS:
        if place == "site":
            steps += plan_rows(rows, view)
        elif place == spoken:
            for here in view.list_addresses():
                steps += plan_rows(rows, here)
    free_s = max((context.punished.get(e.target_id, 0.0) for e in site.endpoints), default=0.0)
    return [_wait_until(step, free_s) for step in steps] if free_s else steps


def _wait_until(step: Step, free_s: float) -> Step:
    """A visit not before that, so that what an earlier run set off is over."""
    return replace(step, not_before_s=free_s) if isinstance(step, Visit) and step.not_before_s < free_s else step


def plan_rows(rows: Sequence[StepRow], view: PlanView) -> list[Step]:
    """What is due of rows of one place, in their order."""
    steps: list[Step] = []
    pending: set[str] = set()
    for row in rows:
        if row.follows in pending:
            pending.add(row.name)
        elif all(need.holds(view) for need in row.needs) and (due := row.plan(view)):
            steps += due
            pending.add(row.name)
    return steps
