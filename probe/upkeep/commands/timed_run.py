"""What is peculiar to a run that a schedule makes: its turn, its time, and whether it is made at all."""

from __future__ import annotations

from dataclasses import replace

from probe.config.settings import Settings
from probe.instruments.device.conditions import DeviceConditions, read_conditions
from probe.session.run_conditions import choose_run_conditions, make_frugal
from probe.session.run_plan import RunPlan
from probe.upkeep.commands.timed_log import TimedLog
from probe.upkeep.schedules.missing_runs import GAP_REASONS
from probe.upkeep.schedules.schedule_log import get_now
from probe.upkeep.schedules.turns import choose_run_time, find_turn


class NotNowError(Exception):
    """The run is not made; the text says why, and the schedule's log has it."""


def add_turn(plan: RunPlan, settings: Settings, diary: TimedLog, *, by_tier: bool) -> RunPlan:
    """The plan with the turn that it is by the schedule; `by_tier`: the caller asked for a tier and gets it."""
    if plan.trigger != "timed" or by_tier or plan.inputs:
        return plan
    moment = get_now()
    return replace(plan, turn=find_turn(settings, diary.term(moment), moment))


def apply_conditions(plan: RunPlan, settings: Settings, diary: TimedLog) -> RunPlan:
    """The plan with the conditions of this device now, and what they mean for it. Raises NotNow.

    They hinder no run that a person makes. One that waits for it is not kept waiting by the question, and the
    laboratory is not told of the machine that it runs on.
    """
    timed = plan.trigger == "timed"
    found = DeviceConditions()
    if not plan.lab and (timed or not plan.fast):
        found = read_conditions()
        plan = replace(plan, conditions=found.words)
    return _as_allowed(plan, settings, diary, found) if timed else plan


def _as_allowed(plan: RunPlan, settings: Settings, diary: TimedLog, found: DeviceConditions) -> RunPlan:
    """The plan for these conditions, within the time that is left until the next run."""
    moment = get_now()
    time, manners = choose_run_time(diary.term(moment), plan.deadline_s, moment), choose_run_conditions(found,
                                                                                                        settings.run)
    if why := "late" if time.late else manners.skip:
        diary.note_skipped(why)
        raise NotNowError(f"No run this time: {GAP_REASONS[why]}.")
    plan = replace(plan, deadline_s=time.deadline_s)
    return make_frugal(plan) if manners.frugal else plan
