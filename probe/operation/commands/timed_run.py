"""What is peculiar to a run that a schedule makes: its turn, its time, and whether it is made at all."""

from __future__ import annotations

from dataclasses import replace

from probe.config.settings import Settings
from probe.measurement.device.conditions import Conditions, conditions_now
from probe.measurement.session.run_conditions import frugal, manners_of
from probe.measurement.session.run_plan import RunPlan
from probe.operation.commands.timed_log import Diary
from probe.operation.schedules.missing_runs import WHY
from probe.operation.schedules.schedule_log import now
from probe.operation.schedules.turns import time_of, turn_of


class NotNow(Exception):
    """The run is not made; the text says why, and the schedule's log has it."""


def with_turn(plan: RunPlan, settings: Settings, diary: Diary, *, by_tier: bool) -> RunPlan:
    """The plan with the turn that it is by the schedule; `by_tier`: the caller asked for a tier and gets it."""
    if plan.trigger != "timed" or by_tier or plan.inputs:
        return plan
    moment = now()
    return replace(plan, turn=turn_of(settings, diary.term(moment), moment))


def under_conditions(plan: RunPlan, settings: Settings, diary: Diary) -> RunPlan:
    """The plan with the conditions of this device now, and what they mean for it. Raises NotNow.

    They hinder no run that a person makes. One that waits for it is not kept waiting by the question, and the
    laboratory is not told of the machine that it runs on.
    """
    timed = plan.trigger == "timed"
    found = Conditions()
    if not plan.lab and (timed or not plan.fast):
        found = conditions_now()
        plan = replace(plan, conditions=found.words)
    return _as_allowed(plan, settings, diary, found) if timed else plan


def _as_allowed(plan: RunPlan, settings: Settings, diary: Diary, found: Conditions) -> RunPlan:
    """The plan for these conditions, within the time that is left until the next run."""
    moment = now()
    time, manners = time_of(diary.term(moment), plan.deadline_s, moment), manners_of(found, settings.run)
    if why := "late" if time.late else manners.skip:
        diary.skipped(why)
        raise NotNow(f"No run this time: {WHY[why]}.")
    plan = replace(plan, deadline_s=time.deadline_s)
    return frugal(plan) if manners.frugal else plan
