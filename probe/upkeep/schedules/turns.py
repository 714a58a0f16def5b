"""Which turn is it for a timed run, and how long may it take? From the schedule's log, the settings and the time. Pure.

Turns are taken where the person left `run.tier` at the core. The extended tiers belong to them where the country's
profile is open, or where `run.rotate` says so; who lives where care is wanted stays with the core.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from probe.config.consent.country_profiles import profile_of
from probe.config.settings import Settings
from probe.session.planning.rotation import CORE, RotationTurn
from probe.upkeep.schedules.missing_runs import ScheduleTerm
from probe.upkeep.schedules.rhythm import REST_S

OPEN = "ordinary"
"""Title of the profile of countries in which nobody is known to be harmed by such measurements."""
_LEAST_SHARE = 0.5
"""Of its time that a run must have left before the next: with less, all of it would have to go in one burst."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTime:
    """What a timed run may take."""

    deadline_s: float
    late: bool
    """It could not end before its successor starts, which is soon: better none than a hurried one."""


def find_turn(settings: Settings, term: ScheduleTerm | None, now: datetime) -> RotationTurn | None:
    """The turn of a run that starts now; None where no schedule is known, or none is to be taken."""
    run = settings.run
    if term is None or run.tier != CORE or run.rotate is False:
        return None
    every_s = term.rhythm.every_s
    phase_s = int(term.begin.timestamp()) % every_s
    number = (int(now.timestamp()) - phase_s) // every_s
    return RotationTurn(number=number, every_min=term.rhythm.every_min,
                        salt=f"{term.rhythm.every_min}:{term.rhythm.minute}",
                        extended=run.rotate or profile_of(settings.vantage.cc).title == OPEN)


def choose_run_time(term: ScheduleTerm | None, wanted_s: float, now: datetime) -> RunTime:
    """The time of a run that starts now and wants so much: it ends before its successor may start."""
    if term is None:
        return RunTime(deadline_s=wanted_s, late=False)
    left_s = (term.next_due(now) - now.astimezone(UTC)).total_seconds() - REST_S
    wanted_s = term.rhythm.deadline_s(wanted_s)
    return RunTime(deadline_s=min(wanted_s, max(left_s, 0.0)), late=left_s < _LEAST_SHARE * wanted_s)
