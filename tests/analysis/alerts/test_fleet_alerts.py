"""What is amiss in a fleet is told once while it lasts, to each place, and names nobody."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("apprise", reason="needs the extra `alerts`")

from probe import __version__
from probe.cli.main import cli
from probe.core.stamps import format_time
from probe.store.files.atomic import StoreError
from probe.store.runs.run_writer import write_run
from probe_analysis.alerts.alert_targets import AlertTarget
from probe_analysis.alerts.alert_texts import Alert
from probe_analysis.alerts.fleet_alerts import read_rollout_file, send_fleet_round
from probe_analysis.alerts.fleet_troubles import FleetFacts, FleetTrouble, gather_facts, list_troubles
from probe_analysis.fleet_health.fleet_health import FleetHealth, NetworkHealth, describe_fleet
from probe_analysis.fleet_health.probe_days import DayRuns, ProbeDay
from stored import a_result
from web_hook import serving_hook

NOW = datetime(2017, 5, 20, 12, tzinfo=UTC)
DESK = AlertTarget(name="desk", url="json://x")
HEALTHY = describe_fleet([DayRuns(day="2017-05-20", probes=[
    ProbeDay(probe_id=f"p{n}", cc="RU", asn=64500, lab=False, runs=24, last_run=format_time(NOW), software=__version__)
    for n in range(8)])], now=NOW, lab=False)


def change(health: FleetHealth, number: int, **values: Any) -> FleetHealth:
    """One probe of it is another."""
    probes = list(health.probes)
    probes[number] = replace(probes[number], **values)
    return replace(health, probes=tuple(probes))


def facts(health: FleetHealth, rollout: Mapping[str, Any] | None = None) -> FleetFacts:
    return gather_facts(health, now=NOW, version=__version__, rollout=rollout or {})


def troubles(health: FleetHealth, rollout: Mapping[str, Any] | None = None) -> list[FleetTrouble]:
    return list_troubles(facts(health, rollout))


def test_a_fleet_that_is_well_troubles_nobody() -> None:
    assert troubles(HEALTHY) == []


NETWORK = NetworkHealth(cc="RU", asn=64500, probes=1, usual_probes=8, quiet=True, runs_yesterday=1, established=8,
                        named=True)
DIFFERS = {"first": "v2", "services": [
    {"service": "signal", "found": "ok", "differs": True, "counted": {"difference": -0.2}},
    {"service": "signal", "found": "blocked", "differs": False, "counted": {"difference": 0.0}}]}


@pytest.mark.parametrize(("health", "rollout", "kind"), [
    (change(HEALTHY, 0, silent=True), {}, "silent"), (change(HEALTHY, 0, clock_offset_s=99.0), {}, "clock"),
    (replace(HEALTHY, networks=(NETWORK,)), {}, "quiet"), (replace(HEALTHY, unusable_runs=1), {}, "left_out"),
    (replace(HEALTHY, cut_yesterday=9, runs_yesterday=10), {}, "cut"),
    (replace(HEALTHY, newest_run=format_time(NOW - timedelta(hours=7))), {}, "nothing"),
    (replace(HEALTHY, versions={"software": {__version__: 7, "0.0.1": 1}}), {}, "version"),
    (HEALTHY, DIFFERS, "rollout"),
])
def test_each_trouble_is_one(health: FleetHealth, rollout: Mapping[str, Any], kind: str) -> None:
    assert [one.kind for one in troubles(health, rollout)] == [kind]


def test_names_of_probes_and_of_few_are_told_to_nobody() -> None:
    health = change(change(HEALTHY, 0, silent=True, probe_id="secret0"), 1, silent=True, probe_id="secret1", cc="TM")
    health = replace(health, networks=(NETWORK, replace(NETWORK, cc="TM", asn=65001, named=False)))
    post = Post()
    told: dict[str, frozenset[str]] = {"desk": frozenset()}
    assert play(told, health, post)
    assert play(told, replace(change(change(health, 0, silent=False), 1, silent=False), networks=tuple(
        replace(network, quiet=False) for network in health.networks)), post)
    text = " ".join(alert.title + alert.text for alert in post.taken)
    assert text.count("AS64500") == 2
    assert {word for word in ("secret", "TM", "AS65001") if word in text} == set()


class Post:
    """Takes what is sent, but for one kind."""

    def __init__(self, refused: str = "-") -> None:
        self.taken: list[Alert] = []
        self.refused = refused

    def __call__(self, target: AlertTarget, alert: Alert) -> bool:
        if alert.name.startswith(self.refused):
            return False
        self.taken.append(alert)
        return True


def play(told: dict[str, frozenset[str]], health: FleetHealth, post: Post,
         rollout: Mapping[str, Any] | None = None) -> int:
    """One round; how many alerts it sent. What was told is kept in `told`."""
    before = len(post.taken)
    send_fleet_round(facts(health, rollout), [DESK], dict(told), post, told.update)
    return len(post.taken) - before


def test_each_trouble_and_its_end_are_told_once_and_again_when_it_came_back() -> None:
    told: dict[str, frozenset[str]] = {}
    post = Post()
    one = change(HEALTHY, 0, silent=True)
    two = change(change(one, 1, silent=True), 2, silent=True)
    sent = [play(told, health, post) for health in (HEALTHY, one, one, two, one, HEALTHY, HEALTHY, one)]
    assert sent == [0, 1, 0, 1, 1, 1, 0, 1]
    assert [alert.name for alert in post.taken] == [
        "silent RU", "silent RU", "over silent RU", "over silent RU", "silent RU"]


def test_runs_that_are_left_out_are_told_when_they_double_and_not_when_they_grow_fewer() -> None:
    told: dict[str, frozenset[str]] = {"desk": frozenset()}
    post = Post()
    assert [play(told, replace(HEALTHY, unusable_runs=count), post) for count in (1, 2, 3, 4, 3, 2, 4)] == [
        1, 1, 0, 1, 0, 0, 1]
    assert [play(told, replace(HEALTHY, unusable_runs=count), post) for count in (0, 0, 1)] == [1, 0, 1]


def test_a_place_that_fails_gets_the_same_in_the_next_round() -> None:
    told: dict[str, frozenset[str]] = {"desk": frozenset()}
    health = replace(change(HEALTHY, 0, silent=True), unusable_runs=1)
    assert play(told, health, Post("silent")) <= 1
    post = Post()
    play(told, health, post)
    assert "silent RU" in {alert.name for alert in post.taken}
    assert play(told, health, post) == 0


def test_an_end_that_was_not_taken_is_told_in_the_next_round() -> None:
    told: dict[str, frozenset[str]] = {"desk": frozenset()}
    assert play(told, change(HEALTHY, 0, silent=True), Post()) == 1
    assert play(told, HEALTHY, Post("over")) == 0
    assert [play(told, HEALTHY, Post()) for _ in range(2)] == [1, 0]


def test_what_began_again_before_its_end_was_taken_goes_on() -> None:
    told: dict[str, frozenset[str]] = {"desk": frozenset()}
    silent = change(HEALTHY, 0, silent=True)
    assert play(told, silent, Post()) == 1
    assert play(told, HEALTHY, Post("over")) == 0
    assert [play(told, health, Post()) for health in (silent, HEALTHY)] == [0, 1]


def is_over(rollout: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same comparison without the difference."""
    return {**rollout, "services": [{**one, "differs": False, "counted": {"difference": -0.01, "low": -0.1}}
                                    for one in rollout["services"]]}


OTHER = {"software": {__version__: 7, "0.0.1": 1}}
CUT = replace(HEALTHY, cut_yesterday=9, runs_yesterday=10)
LATE = replace(HEALTHY, newest_run=format_time(NOW - timedelta(hours=7)))
OFF = change(HEALTHY, 0, clock_offset_s=99.0)


@pytest.mark.parametrize(("before", "after", "ends"), [
    ((change(HEALTHY, 0, silent=True), {}), (HEALTHY, {}), ["over silent RU"]),
    ((change(HEALTHY, 0, silent=True), {}), (change(HEALTHY, 0, former=True), {}), []),
    ((OFF, {}), (change(HEALTHY, 0, clock_offset_s=0.1), {}), ["over clock RU"]),
    ((OFF, {}), (change(HEALTHY, 0, clock_offset_s=99.0, silent=True), {}), ["silent RU"]),
    ((OFF, {}), (change(HEALTHY, 0, clock_offset_s=99.0, former=True), {}), []),
    ((OFF, {}), (HEALTHY, {}), []),
    ((replace(HEALTHY, networks=(NETWORK,)), {}),
     (replace(HEALTHY, networks=(replace(NETWORK, quiet=False, probes=8),)), {}), ["over quiet RU"]),
    ((replace(HEALTHY, networks=(NETWORK,)), {}),
     (replace(HEALTHY, networks=(replace(NETWORK, quiet=False, probes=0),)), {}), []),
    ((replace(HEALTHY, networks=(NETWORK,)), {}), (replace(HEALTHY, networks=()), {}), []),
    ((replace(HEALTHY, nameless_runs=1), {}), (HEALTHY, {}), ["over left_out "]),
    ((CUT, {}), (replace(CUT, cut_yesterday=1), {}), ["over cut "]), ((CUT, {}), (HEALTHY, {}), []),
    ((LATE, {}), (HEALTHY, {}), ["over nothing "]), ((LATE, {}), (replace(LATE, newest_run=""), {}), []),
    ((replace(HEALTHY, versions=OTHER), {}), (HEALTHY, {}), ["over version "]),
    ((HEALTHY, DIFFERS), (HEALTHY, is_over(DIFFERS)), ["over rollout "]), ((HEALTHY, DIFFERS), (HEALTHY, {}), []),
    ((HEALTHY, DIFFERS), (HEALTHY, is_over({**DIFFERS, "first": "v3"})), []),
    ((HEALTHY, DIFFERS), (HEALTHY, {**DIFFERS, "services": DIFFERS["services"][1:]}), []),
])
def test_an_end_is_told_where_it_is_known(before: tuple[FleetHealth, Mapping[str, Any]],
                                          after: tuple[FleetHealth, Mapping[str, Any]], ends: list[str]) -> None:
    told: dict[str, frozenset[str]] = {"desk": frozenset()}
    post = Post()
    assert play(told, before[0], Post(), before[1]) == 1
    assert play(told, after[0], post, after[1]) == len(ends)
    assert [alert.name for alert in post.taken] == ends
    assert play(told, after[0], post, after[1]) == 0


def test_what_may_go_on_unseen_is_not_told_again() -> None:
    told: dict[str, frozenset[str]] = {"desk": frozenset()}
    names = []
    for health in (OFF, change(OFF, 0, silent=True), OFF, change(OFF, 0, clock_offset_s=0.0)):
        post = Post()
        play(told, health, post)
        names += [alert.name for alert in post.taken]
    assert names == ["clock RU", "silent RU", "over silent RU", "over clock RU"]


def test_a_place_that_is_not_called_keeps_what_it_had() -> None:
    told = {"desk": frozenset({"silent p0"}), "hook": frozenset({"silent p0"})}
    assert play(told, HEALTHY, Post()) == 1
    assert told == {"desk": frozenset(), "hook": frozenset({"silent p0"})}


@given(st.lists(st.text(max_size=30)), st.booleans())
def test_whatever_a_state_holds_ends_in_the_same(names: list[str], is_late: bool) -> None:
    told = {"desk": frozenset([*names, *(f"{kind} {name}" for kind in ("silent", "unusable", "rollout", "quiet")
                                         for name in names)])}
    health = LATE if is_late else HEALTHY
    play(told, health, Post())
    assert play(told, health, Post()) == 0


def test_what_is_new_when_a_place_is_added_counts_as_told() -> None:
    post = Post()
    assert play({}, change(HEALTHY, 0, silent=True), post) == 0


@pytest.mark.parametrize("raw", [b"[", b"[]", b'{"services": [{}]}', b'{"services": 3}'])
def test_another_file_than_a_rollout_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "rollout.json"
    assert read_rollout_file(path) == {}
    path.write_bytes(raw)
    with pytest.raises(StoreError):
        read_rollout_file(path)


def test_the_command_tells_a_webhook(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(in_folder / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(in_folder / "cache"))
    result = a_result("r-a", format_time(datetime.now(UTC)))
    run = replace(result.run, software_version=__version__, n_targets=1, n_attempted=1,
                  vantage=replace(result.run.vantage, probe_id="a"))
    day = next(path for path in write_run(replace(result, run=run), Path("out"), parquet=False)
               if path.parent.parent.name == "runs").parent
    with serving_hook() as hook:
        Path("places").write_text(f"desk json://127.0.0.1:{hook.port}/\n")
        Path("places").chmod(0o600)

        def call() -> Result:
            return CliRunner().invoke(cli, ("fleet", "health", "out", "--alert-to", "places", "--json"))

        assert call().exit_code == 0
        assert hook.posts == []
        (day / "r-b.csv").write_bytes(b"run_id,\r\n")
        assert json.loads(call().output)["places"][0]["sent"] == 1
        assert call().exit_code == 0
        [(_, told)] = hook.posts
        assert told["title"].startswith("Fleet: ")
        (day / "r-b.csv").unlink()
        assert json.loads(call().output)["places"][0]["sent"] == 1
        assert hook.posts[-1][1]["title"].startswith("Fleet: over: ")
        hook.status = 500
        for name in "cd":
            (day / f"r-{name}.csv").write_bytes(b"run_id,\r\n")
        assert call().exit_code == 1
