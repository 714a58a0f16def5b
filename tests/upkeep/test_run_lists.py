"""What runs make of signed lists: the order of catalogues, what is asked of them, and looking for a new one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from in_order import in_order
from probe.cli import run as run_module
from probe.config.consent.consent_check import (
    describe_destinations,
    explain_lacking_consent,
    explain_refusal,
    list_destinations,
    make_consent,
)
from probe.config.settings import Settings, UpdateSettings
from probe.session.planning.rotation import choose_share
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import stored_runs
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_NO_CONSENT
from probe.upkeep.schedules.schedule_log import ScheduleEvent, append_event, get_now, read_events
from probe.upkeep.updates.kept_list import LIST, LOOKS, read_looks, write_looks
from probe.upkeep.updates.list_refresh import is_list_due
from signed import OTHERS, OURS, document, targets
from update_world import Made, bring, call, configure, listed, made_by, served, settle, today


@pytest.fixture(autouse=True)
def home(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settle(in_folder, monkeypatch)
    return in_folder


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    return made_by(monkeypatch)


# ---- runs

def test_a_run_keeps_to_what_is_asked(made: Made) -> None:
    configure(consent_level=3, tier=3)
    bring(policy={"RU": {"max_level": 2, "max_tier": 1, "pace_s": 4.5}, "*": {"max_level": 1}, "IR": {"pause": "x"}})
    result = call("run", "--fast")
    assert result.exit_code == 0, result.output
    assert in_order(result.stderr, "RU", "level 1", "tier 1", "4.5 s")
    catalogue, settings, plan = made.runs[0]
    assert catalogue.path == listed(7)
    assert (settings.run.consent_level, settings.run.pace_s) == (1, 4.5)
    assert (plan.tier, plan.fast, plan.least_pace_s, plan.deadline_s) == (1, False, 4.5, 900.0)
    (run,) = stored_runs(Path("results"))
    assert run.catalogue_path == "signed"


def test_nobody_is_made_less_careful_by_a_list(made: Made) -> None:
    configure(consent_level=1, tier=0, pace_s=9.0)
    bring(policy={"RU": {"max_level": 3, "max_tier": 3, "pace_s": 1}})
    result = call("run")
    assert result.stderr == ""
    _, settings, plan = made.runs[0]
    assert (settings.run.consent_level, settings.run.pace_s, plan.tier, plan.fast) == (1, 9.0, 0, False)


def test_what_is_asked_holds_for_a_file_of_ones_own(made: Made) -> None:
    configure()
    bring(policy={"RU": {"max_tier": 1}})
    Path("mine.csv").write_text(targets({"input": "https://a.example/", "tier": "1"},
                                        {"input": "https://b.example/", "tier": "2", "target_id": "telegram.web.b"}))
    result = call("run", "--catalogue", "mine.csv", "--tier", "3")
    assert result.exit_code == 0
    assert made.runs[0][0].path == "mine.csv"
    assert made.runs[0][2].tier == 1
    result = call("run", "--catalogue", "mine.csv", "--input", "https://b.example/")
    assert result.exit_code == EXIT_FAILED
    assert "tier 1" in result.output
    assert call("run", "--catalogue", "mine.csv", "--input", "https://a.example/").exit_code == 0


def test_a_pause_measures_nothing_and_explains_the_gap(made: Made) -> None:
    configure()
    bring(policy={"RU": {"pause": "raids on\x1b[2J measurers"}})
    begin = get_now() - timedelta(minutes=10)
    append_event(Path("results"),
                 ScheduleEvent(at=begin, kind="installed", by="systemd-user", every_min=60, first=begin))
    for arguments in (("run",), ("run", "--timed"), ("run", "--dry-run"), ("run", "--fast", "--catalogue", "list.csv")):
        Path("list.csv").write_text(targets())
        result = call(*arguments)
        assert result.exit_code == 0
        (line,) = result.output.splitlines()
        assert in_order(line, "pause", r"raids on\x1b[2J measurers")
    assert json.loads(call("run", "--json").output)["paused"].startswith("raids on")
    assert not made.runs
    assert [e.kind for e in read_events(Path("results"), since=begin)] == ["installed", "paused"]
    configure(cc="DE")
    assert call("run").exit_code == 0
    assert len(made.runs) == 1


def test_a_paused_series_says_why_it_is_missing() -> None:
    from probe.upkeep.schedules.missing_runs import find_gaps

    begin = datetime(2026, 11, 25, 10, 7, tzinfo=UTC)
    events = [ScheduleEvent(at=begin - timedelta(minutes=5), kind="installed", by="cron", every_min=60, minute=7,
                            first=begin),
              *(ScheduleEvent(at=begin + timedelta(hours=n, minutes=1), kind="paused", why="raids") for n in (0, 1)),
              ScheduleEvent(at=begin + timedelta(hours=2), kind="started"),
              ScheduleEvent(at=begin + timedelta(hours=2.1), kind="ended")]
    found = find_gaps(events, since=begin, until=begin + timedelta(hours=3))
    assert [(gap.n, gap.why) for gap in found] == [(2, "paused")]


def test_an_old_list_leaves_the_core_and_says_so_once(made: Made) -> None:
    configure(consent_level=3, tier=3)
    bring(day=today() - timedelta(days=31))
    result = call("run", "--tier", "2")
    assert result.exit_code == 0
    assert result.stderr.count("31 days old") == len(result.stderr.splitlines()) == 1
    assert (made.runs[0][1].run.consent_level, made.runs[0][2].tier) == (1, 1)
    assert "31 days old" in call("status", "--details").output
    assert "31 days old" in call("targets", "list").output


def test_without_a_configured_list_nothing_is_said(made: Made) -> None:
    Path("probe.toml").write_text("[run]\nconsent_level = 3\ntier = 3\n")
    result = call("run", "--fast")
    assert result.stderr == ""
    assert (made.runs[0][1].run.consent_level, made.runs[0][2].tier, made.runs[0][2].fast) == (3, 3, True)
    assert "list: " not in call("status", "--details").output
    assert not (Path(".local") / "state" / "probe" / LIST).exists()


# ---- timed runs look for a new list

def test_a_timed_run_looks_once_a_day_before_it_measures(made: Made) -> None:
    with served(document(8, today(), policy={"*": {"max_level": 1}})) as (url, asked):
        configure(url, consent_level=2)
        assert call("run").exit_code == 0
        assert asked == [], "a person's run does not"
        assert call("run", "--timed").exit_code == 0
        assert asked == ["/list.minisig", "/list"]
        assert made.runs[-1][0].path == listed(8)
        assert made.runs[-1][1].run.consent_level == 1
        assert call("run", "--timed").exit_code == 0
        assert len(asked) == 2, "not again on that day"
        looks = read_looks()
        assert looks.at
        write_looks(msgspec.structs.replace(looks, at=looks.at - timedelta(days=1)))
        assert call("run", "--timed").exit_code == 0
        assert asked[2:] == ["/list.minisig"]


@pytest.mark.parametrize("fault", ["refused", "stranger", "old", "no key", "no room"])
def test_a_look_that_fails_fails_no_run(made: Made, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    configure()
    bring(9)
    (Path(".local/state/probe") / LOOKS).unlink()
    with served(document(8, today()), OTHERS if fault == "stranger" else OURS) as (url, asked):
        configure("http://127.0.0.1:9/list" if fault == "refused" else url,
                  key="" if fault == "no key" else OURS.public_line)
        if fault == "no key":
            (Path(".local/state/probe") / LIST).unlink()
        if fault == "no room":
            def full(*_: object) -> None:
                raise StoreError("the disk is full")

            monkeypatch.setattr("probe.upkeep.updates.signed_file.replace_file", full)
        result = call("run", "--timed")
        assert (asked == []) == (fault in ("refused", "no key", "no room")), "who cannot note a look makes none"
    assert result.exit_code == 0, result.output
    assert in_order(result.stderr, "list", "To do: ", "probe update")
    expected = "targets.csv" if fault == "no key" else listed(9)
    assert made.runs[0][0].path.endswith(expected)


def test_in_the_laboratory_nobody_looks(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    from probe.catalogue.laboratory_marker import Marker

    monkeypatch.setattr(run_module, "read_marker", lambda: Marker(lab=True))
    with served(document(8, today())) as (url, asked):
        configure(url)
        assert call("run", "--timed").exit_code == 0
    assert not asked


@pytest.mark.parametrize(("configured", "expected"), [(True, 0), (False, 1)])
def test_in_the_laboratory_only_a_list_that_is_configured_counts(
    made: Made, monkeypatch: pytest.MonkeyPatch, configured: bool, expected: int,
) -> None:
    from probe.catalogue.laboratory_marker import Marker

    configure(cc="RU")
    bring(policy={"*": {"pause": "raids"}})
    if not configured:
        Path("probe.toml").write_text("")
    assert call("run").exit_code == 0
    assert len(made.runs) == 0, "outside the laboratory a list that was brought counts"
    monkeypatch.setattr(run_module, "read_marker", lambda: Marker(lab=True))
    assert call("run").exit_code == 0
    assert len(made.runs) == expected


def test_a_refused_run_asks_no_server(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "explain_refusal", explain_refusal)
    with served(document(8, today())) as (url, asked):
        configure(url)
        assert call("run", "--timed").exit_code == EXIT_NO_CONSENT
    assert not asked


def test_the_lists_server_is_part_of_the_consent() -> None:
    plain = Settings()
    agreed = msgspec.structs.replace(plain, consent=make_consent(plain, level=1, today=today()))
    assert explain_lacking_consent(agreed) == ""
    url = "https://lists.example.org/list"
    named = msgspec.structs.replace(agreed, update=UpdateSettings(url=url))
    assert in_order(explain_lacking_consent(named), url, "your address")
    again = msgspec.structs.replace(named, consent=make_consent(named, level=1, today=today()))
    assert explain_lacking_consent(again) == ""
    assert again.consent
    assert url in again.consent.to
    assert in_order(describe_destinations(named)[0], "once a day", "your address")
    local = msgspec.structs.replace(agreed, update=UpdateSettings(url="/srv/list.json"))
    assert (list_destinations(local), explain_lacking_consent(local)) == ((), "")


@pytest.mark.parametrize("most", [0, 1, 2, 3])
def test_the_turns_of_a_schedule_stay_within_what_is_asked(made: Made, most: int) -> None:
    """A schedule takes a share of all tiers, whatever `run.tier` says."""
    rows = [{"input": f"https://t{tier}.example/", "tier": str(tier), "target_id": f"telegram.web.t{tier}"}
            for tier in range(4)]
    configure(rotate=True)
    bring(policy={"RU": {"max_tier": most}}, targets=targets(*rows))
    begin = get_now() - timedelta(minutes=10)
    append_event(Path("results"), ScheduleEvent(at=begin, kind="installed", by="systemd-user", every_min=1440,
                                                first=begin))
    result = call("run", "--timed")
    assert result.exit_code == 0, result.output
    catalogue, _, plan = made.runs[0]
    assert plan.turn
    assert plan.turn.extended == (most > 1)
    assert {e.tier for e in catalogue.endpoints if e.role != "control"} == set(range(most + 1))
    assert any(e.role == "control" for e in catalogue.endpoints)
    taken = choose_share(catalogue, plan.turn).inputs
    assert not {f"https://t{tier}.example/" for tier in range(most + 1, 4)} & taken
    assert ("tier" in result.stderr) == (most < 3)


def test_a_look_takes_its_time_off_the_run(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]

    def slowly(*_: object) -> bool:
        clock[0] += 12.5
        return False

    monkeypatch.setattr("probe.cli.run.refresh_list", slowly)
    monkeypatch.setattr("probe.cli.run.time", SimpleNamespace(monotonic=lambda: clock[0], sleep=None))
    configure()
    bring()
    assert call("run", "--timed", "--deadline-s", "100").exit_code == 0
    assert made.runs[0][2].deadline_s == 88


# ---- services that are stopped

def test_a_stopped_service_is_measured_by_nobody(made: Made) -> None:
    configure()
    Path("mine.csv").write_text(targets(
        {"input": "https://a.example/", "tier": "1"},
        {"input": "https://b.example/", "tier": "1", "service": "telegram", "target_id": "telegram.web.b"}))
    bring(policy={"RU": {"stop": ["telegram", "a service of years to come"]}, "IR": {"stop": ["signal"]}})
    result = call("run", "--catalogue", "mine.csv")
    assert result.exit_code == 0, result.output
    assert "telegram" in result.stderr
    assert "telegram" not in {endpoint.service for endpoint in made.runs[0][0].endpoints}
    assert made.runs[0][0].endpoints
    result = call("run", "--catalogue", "mine.csv", "--input", "https://b.example/")
    assert (result.exit_code, len(made.runs)) == (EXIT_FAILED, 1)
    assert "nothing of" in call("status").output


def test_a_stop_is_obeyed_within_the_hour_where_the_list_is_asked_for_each_run(made: Made) -> None:
    now = datetime.now(UTC)
    settings = Settings(update=UpdateSettings(url="https://a.example/l", key="k", each_run=True))
    write_looks(msgspec.structs.replace(read_looks(), at=now - timedelta(minutes=55)))
    assert is_list_due(settings, now=now)
    assert not is_list_due(Settings(update=UpdateSettings(url="https://a.example/l", key="k")), now=now)
    assert "before each run" in describe_destinations(settings)[0]


def test_by_hand_a_list_is_fetched_whole_each_time(made: Made) -> None:
    with served(document(7, today())) as (url, asked):
        configure(url)
        assert call("update").exit_code == 0
        assert call("update").exit_code == 0
        assert asked == ["/list.minisig", "/list"] * 2
