"""Does the name's failure leave a punishment of the whole address behind? The innocent name is asked there again.

These visits come last at their address (`probe.session.pacer.Pacer`): whoever else is to be measured there
goes first.
"""

from __future__ import annotations

from dataclasses import replace

from probe.catalogue.sites import Site
from probe.instruments.steps import Step, Visit
from probe.judge.path.residual_evidence import gather_residual_evidence, has_reached_innocent, select_failures
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.site_visits import make_innocent_visit

AFTER_S = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 240.0)
"""Seconds after the last failure at which the innocent name is asked again, by those who agreed to it."""
MAX_ASKED = 10
CONSENT_LEVEL = 3


def was_asked_again(history: SiteHistory, address: str, port: int) -> bool:
    """Whether the innocent name was asked after the failures; a search for the hop would set residuals off anew."""
    return any(o.purpose == "residual" and (o.address, o.port) == (address, port) for o in history.around)


def plan_residual_steps(site: Site, address: str, history: SiteHistory, context: PlanContext) -> list[Step]:
    """The innocent name once more where the site's own fails for good; at growing intervals while it fails as well."""
    failures = select_failures(history.visits, address, site.port)
    if not failures or not has_reached_innocent(history.around, address, site.port, before_s=failures[-1].t0_s):
        return []
    asked = [o for o in history.around if o.purpose == "residual" and (o.address, o.port) == (address, site.port)]
    number = len({o.attempt for o in asked})
    again = replace(make_innocent_visit(site, address, context), purpose="residual", attempt=number + 1)
    if not asked:
        return [again]
    found = gather_residual_evidence(history.visits, history.around, history.searches, address, site.port)
    if context.consent_level < CONSENT_LEVEL or not context.thorough:
        return []
    if found.word != "seen" or found.at_most_s or number >= MAX_ASKED:
        return []
    next_s = next((after_s for after_s in AFTER_S if after_s > 1.5 * found.at_least_s), 0.0)
    return [replace(again, not_before_s=found.since_s + next_s)] if next_s else []


def is_residual(step: Step) -> bool:
    """Whether a step asks an innocent name for what a forbidden one may have left behind."""
    return isinstance(step, Visit) and step.purpose == "residual"
