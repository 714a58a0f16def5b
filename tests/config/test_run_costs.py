"""What runs cost: a figure for each consent level, and the guide to schedules says the same."""

from __future__ import annotations

import pytest

from probe.config.consent.country_profiles import profile_of
from probe.config.consent.run_costs import MEASURED, count_day_cost, count_days_kept, describe_costs
from probe.core.tables.consent_words import LEVELS
from project_root import ROOT


def test_every_level_was_measured_and_higher_ones_take_more() -> None:
    assert list(MEASURED) == list(LEVELS)
    traffic = [count_day_cost(cost, every_min=60).traffic_mb for cost in MEASURED.values()]
    assert traffic == sorted(traffic)


@pytest.mark.parametrize("level", LEVELS)
def test_the_guide_has_the_measured_figures(level: int) -> None:
    cost, day = MEASURED[level], count_day_cost(MEASURED[level], every_min=60)
    text = (ROOT / "docs" / "schedule.md").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith(f"| {level} | "))
    assert f"| {day.traffic_mb:.0f} MB | {day.disk_mb:.0f} MB |" in line
    assert f"{cost.connections:,} connections, {cost.questions:,} DNS" in line


def test_a_quota_holds_fewer_days_of_more_runs() -> None:
    kept = [count_days_kept(1, every_min=minutes, quota_mb=2000) for minutes in (15, 60, 180)]
    assert kept == sorted(kept)
    assert kept[0] < kept[-1]


@pytest.mark.parametrize(("cc", "told"), [
    ("DE", ("every 60 ", " 15 minutes each")), ("TR", ("every 60 ", " 40 minutes each")),
    ("RU", ("every 180 ", " 45 minutes each"))])
def test_a_run_takes_the_whole_time_of_its_country(cc: str, told: tuple[str, str]) -> None:
    profile = profile_of(cc)
    costs = describe_costs(1, every_min=profile.every_min, deadline_s=profile.deadline_s)
    assert all(part in costs for part in told), costs
