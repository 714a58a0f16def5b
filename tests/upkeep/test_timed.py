"""A run that a schedule makes: its turn, its time, and under which conditions it is let be. Nothing is measured."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from probe.cli import run as run_module
from probe.cli.main import cli
from probe.instruments.device.conditions import DeviceConditions
from probe.session.run_plan import RunPlan
from probe.upkeep.commands import timed_run as timed_module
from probe.upkeep.schedules.missing_runs import find_gaps
from probe.upkeep.schedules.schedule_log import ScheduleEvent, append_event, get_now, read_events

RESULTS = Path("results")


class Measured(Exception):
    """The command came as far as measuring, which no test here may."""


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch, in_folder: Path) -> list[RunPlan]:
    """The plans of the runs that were begun."""
    begun: list[RunPlan] = []

    def note(*arguments: object) -> None:
        begun.extend(a for a in arguments if isinstance(a, RunPlan))
        raise Measured

    monkeypatch.setattr(run_module, "_measure", note)
    monkeypatch.setattr(run_module, "explain_refusal", lambda *_, **__: "")  # consent has its own tests
    monkeypatch.setattr("probe.config.settings.SEARCH_PATHS", ())
    monkeypatch.delenv("PROBE_CONFIG", raising=False)
    conditions(monkeypatch, DeviceConditions(power="mains", metered="no"))
    return begun


def conditions(monkeypatch: pytest.MonkeyPatch, found: DeviceConditions) -> None:
    monkeypatch.setattr(timed_module, "read_conditions", lambda: found)


def schedule(*, ago: timedelta = timedelta(minutes=2), every_min: int = 60) -> datetime:
    """A schedule whose latest run was due so long ago."""
    due = get_now() - ago
    append_event(RESULTS,
                 ScheduleEvent(at=due, kind="installed", by="systemd-user", every_min=every_min, minute=7, first=due))
    return due


def call(*arguments: str, config: str = '[vantage]\ncc = "DE"\n') -> Result:
    Path("probe.toml").write_text(config)
    return CliRunner().invoke(cli, ["run", "--config", "probe.toml", *arguments])


def last() -> ScheduleEvent:
    return read_events(RESULTS, since=get_now() - timedelta(days=1))[-1]


def test_a_timed_run_has_its_turn(plans: list[RunPlan]) -> None:
    schedule()
    assert isinstance(call("--timed").exception, Measured)
    (plan,) = plans
    assert plan.turn is not None
    assert [word.split(":")[0] for word in plan.share] == ["tier", "daily", "weekly"]
    assert plan.conditions == ("power:mains", "metered:no")
    told = call("--timed", "--dry-run").output
    assert all(word in told for word in plan.share)


@pytest.mark.parametrize(("arguments", "share"), [
    ((), ("tier:1",)), (("--fast",), ("tier:1",)), (("--timed", "--tier", "2"), ("tier:2",)),
    (("--timed", "--tier", "1"), ("tier:1",)),
])
def test_who_calls_by_hand_or_for_a_tier_gets_what_was_always_measured(
    plans: list[RunPlan], arguments: tuple[str, ...], share: tuple[str, ...],
) -> None:
    schedule()
    call(*arguments)
    assert (plans[0].turn, plans[0].share) == (None, share)


def test_without_a_schedule_there_are_no_turns(plans: list[RunPlan]) -> None:
    call("--timed")
    assert plans[0].share == ("tier:1",)


def test_a_timed_run_is_cut_before_its_successor(plans: list[RunPlan]) -> None:
    schedule(ago=timedelta(minutes=40))
    call("--timed", "--deadline-s", "1500")
    assert 1000 < plans[0].deadline_s <= 20 * 60 - 120
    call("--deadline-s", "1500")
    assert plans[1].deadline_s == 1500, "a person's own run is as long as was asked for"


LATE = timedelta(minutes=57)
BATTERY, PAID = DeviceConditions(power="battery", charge=70), DeviceConditions(metered="yes")


@pytest.mark.parametrize(("found", "ago", "config", "why", "told"), [
    (DeviceConditions(), LATE, "", "late", "too late"),
    (DeviceConditions(power="battery", charge=12), timedelta(0), "", "battery", "battery"),
    (BATTERY, timedelta(0), '[run]\non_battery = "skip"\n', "battery", "battery"),
    (PAID, timedelta(0), '[run]\non_metered = "skip"\n', "metered", "metered"),
])
def test_a_run_that_is_let_be_is_a_gap_with_its_reason(
    plans: list[RunPlan], monkeypatch: pytest.MonkeyPatch, found: DeviceConditions, ago: timedelta, config: str,
    why: str, told: str,
) -> None:
    conditions(monkeypatch, found)
    due = schedule(ago=ago)
    result = call("--timed", config=config)
    assert (result.exit_code, plans) == (0, [])
    (line,) = result.output.splitlines()
    assert told in line
    assert (last().kind, last().why) == ("skipped", why)
    events = read_events(RESULTS, since=due - timedelta(hours=1))
    (gap,) = find_gaps(events, since=due, until=due + timedelta(minutes=61))
    assert (gap.n, gap.why) == (1, why)
    assert sorted(path.name for path in RESULTS.iterdir()) == ["schedule"]


@pytest.mark.parametrize("found", [BATTERY, PAID, DeviceConditions(power="battery", charge=12)])
def test_what_a_person_runs_is_run_and_says_how(
    plans: list[RunPlan], monkeypatch: pytest.MonkeyPatch, found: DeviceConditions,
) -> None:
    conditions(monkeypatch, found)
    call(config='[run]\non_battery = "skip"\non_metered = "skip"\n')
    assert (plans[0].conditions, plans[0].transfers) == (found.words, True)


def test_on_a_metered_line_a_run_takes_the_core_and_transfers_nothing(
    plans: list[RunPlan], monkeypatch: pytest.MonkeyPatch,
) -> None:
    conditions(monkeypatch, PAID)
    schedule()
    call("--timed")
    assert not plans[0].transfers
    assert [word.split(":")[0] for word in plans[0].share] == ["tier", "small"]
    call("--timed", config='[vantage]\ncc = "DE"\n[run]\non_metered = "run"\n')
    assert plans[1].transfers
    assert len(plans[1].share) == 3


def test_the_laboratory_is_not_told_of_the_machines_battery(
    plans: list[RunPlan], monkeypatch: pytest.MonkeyPatch,
) -> None:
    from probe.catalogue.laboratory_marker import Marker

    monkeypatch.setattr(run_module, "read_marker", lambda: Marker(lab=True))
    conditions(monkeypatch, DeviceConditions(power="battery", charge=1, metered="yes"))
    call("--timed")
    assert (plans[0].conditions, plans[0].transfers) == ((), True)


@pytest.mark.parametrize("config", [
    '[run]\non_battery = "sometimes"\n', "[run]\non_metered = 1\n", '[run]\nrotate = "yes"\n',
])
def test_a_setting_that_is_none_is_named(plans: list[RunPlan], config: str) -> None:
    result = call("--timed", config=config)
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert "probe.toml: " in result.output
