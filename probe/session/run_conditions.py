"""What a scheduled run does under the conditions that it finds: goes on, does less, or lets it be. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from probe.config.settings import RunSettings
from probe.core.tables.run_words import Metered, Skip
from probe.instruments.device.conditions import DeviceConditions
from probe.session.planning.rotation import CORE
from probe.session.run_plan import RunPlan

LOW_CHARGE = 20
"""Per cent, below which a battery is its owner's alone."""
_METERED: tuple[Metered, ...] = ("yes", "likely")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConditions:
    """What is to be done."""

    skip: Skip = ""
    """Why no run is made (`probe.upkeep.schedules.missing_runs.GAP_REASONS`)."""
    frugal: bool = False
    """The core alone, and no transfers."""


def choose_run_conditions(found: DeviceConditions, settings: RunSettings) -> RunConditions:
    """What the settings say of these conditions. What is unknown hinders nobody."""
    if found.power == "battery" and (settings.on_battery == "skip" or 0 <= found.charge < LOW_CHARGE):
        return RunConditions(skip="battery")
    if found.metered not in _METERED:
        return RunConditions()
    return RunConditions(skip="metered" if settings.on_metered == "skip" else "", frugal=settings.on_metered == "core")


def make_frugal(plan: RunPlan) -> RunPlan:
    """The plan with the core alone and without transfers."""
    turn = plan.turn.of_core() if plan.turn else None
    return replace(plan, tier=min(plan.tier, CORE), turn=turn, transfers=False)
