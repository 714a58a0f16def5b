"""What each round of a run looks for when those before it have ended. Pure; the order is in `run_order`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.judge.flow.slow_pages import find_slow_pages
from probe.session.planning.flow_suspects import MAX_SITES, make_flow_context, make_glance_context
from probe.session.planning.loss_suspects import make_loss_context
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.struck_shapes import choose_struck_shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run as a round finds it."""

    context: PlanContext
    observations: Sequence[Observation]
    now_s: float
    list_sites: Callable[[], Sequence[tuple[Site, SiteHistory]]]
    """What is known of each, in the order of the run."""
    draw_sites: Callable[[], Sequence[tuple[Site, SiteHistory]]]
    """The same in an order that is drawn."""
    asked_before: Callable[[], Collection[str]]
    """The targets that runs of the last day asked as programs do."""


def look_at_shapes(view: RunView) -> PlanContext:
    """Which programs' shapes are struck at some site, and who else is to be asked in them? None is the rule."""
    if not any(o.purpose == "program" and o.failure for o in view.observations):
        return view.context
    known = [(site, seen.visits, seen.around) for site, seen in view.draw_sites()]
    return replace(view.context, struck=choose_struck_shapes(known, view.asked_before, view.context.struck))


def look_at_loss(view: RunView) -> PlanContext:
    """Whose connections lose what others' do not? Nobody's is the rule."""
    if not any(o.tcp.retransmits or o.tcp.out_of_order for o in view.observations):
        return view.context
    known = [(site, (*seen.visits, *seen.around, *seen.turns)) for site, seen in view.list_sites()]
    loss = make_loss_context(known, now_s=view.now_s)
    return replace(view.context, loss=loss) if loss.suspects else view.context


def look_at_slow_pages(view: RunView) -> PlanContext:
    """Whose pages took long beside those of others? Where there are many, the line is slow."""
    found = find_slow_pages((site, seen.visits) for site, seen in view.list_sites())
    return replace(view.context, slow=frozenset(found)) if 0 < len(found) <= MAX_SITES else view.context


def look_at_small_pages(view: RunView) -> PlanContext:
    """Who gave pages that are too small to tell how bytes flow?"""
    return replace(view.context, flow=make_glance_context(_list_flows(view)))


def look_at_flows(view: RunView) -> PlanContext:
    """Does anybody's flow look odd beside the others'?"""
    return replace(view.context, flow=make_flow_context(_list_flows(view)))


def _list_flows(view: RunView) -> list[tuple[Site, tuple[Observation, ...]]]:
    return [(site, (*seen.visits, *seen.flows)) for site, seen in view.draw_sites()]


def ask_helpers_for_names(view: RunView) -> PlanContext:
    """Last of all: a forbidden name may cut us off from a helper, who is to tell of other services."""
    return replace(view.context, names_due=True)
