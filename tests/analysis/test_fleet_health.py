"""Health of a fleet: who is silent, what a release may tell, and figures that Prometheus and Grafana read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from missing_plugins import hide_plugins
from probe.cli.main import cli
from probe.config.month_key import make_month_key
from probe.core.plugins import FLEET_COMMANDS
from probe.core.stamps import format_time
from probe.store.archive.compaction import compact_days
from probe.store.archive.forgetting import find_kept
from probe.store.archive.vouched_names import VouchedName, VouchedNames
from probe.store.files.atomic import StoreError
from probe.store.runs.run_writer import write_run
from probe_analysis.fleet_health import health_memory
from probe_analysis.fleet_health.dashboard import read_dashboard
from probe_analysis.fleet_health.fleet_health import FleetHealth, describe_fleet, find_first_day
from probe_analysis.fleet_health.health_memory import read_fleet_days
from probe_analysis.fleet_health.health_metrics import METRICS, MOST_SAMPLES, format_metrics
from probe_analysis.fleet_health.health_page import list_findings, make_health_page
from probe_analysis.fleet_health.probe_days import DayRuns, ProbeDay
from signed_runs import named
from stored import a_result

NOW = datetime(2017, 5, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def a_day(at: datetime, *probes: ProbeDay) -> DayRuns:
    return DayRuns(day=at.date().isoformat(), probes=list(probes))


def seen(name: str, last: datetime, *, runs: int = 24, asn: int = 64500, cc: str = "RU", lab: bool = False,
         **more: object) -> ProbeDay:
    return ProbeDay(probe_id=name, cc=cc, asn=asn, lab=lab, runs=runs, last_run=format_time(last),
                    **more)  # type: ignore[arg-type]


def ages(**names: float) -> list[DayRuns]:
    """Probes with one hourly day each, whose last run began so many hours ago."""
    found = {name: NOW - timedelta(hours=hours) for name, hours in names.items()}
    return [a_day(day, *(seen(name, last) for name, last in found.items() if last.date() == day.date()))
            for day in sorted({last.replace(hour=0) for last in found.values()})]


def names(health: FleetHealth, state: str) -> list[str]:
    return [probe.probe_id for probe in getattr(health, state)]


def test_who_was_not_heard_of_for_a_day_is_silent() -> None:
    health = describe_fleet(ages(a=1, b=23, c=25, d=200), now=NOW, lab=False)
    assert (names(health, "active"), names(health, "silent")) == (["a", "b"], ["c", "d"])


def test_who_measures_seldom_is_silent_later() -> None:
    days = [a_day(NOW - timedelta(days=back), seen("daily", NOW - timedelta(days=back), runs=1)) for back in (9, 8, 7)]
    assert names(describe_fleet(days, now=NOW, lab=False), "silent") == ["daily"]
    assert names(describe_fleet(days, now=NOW - timedelta(days=4), lab=False), "active") == ["daily"]


def test_a_name_that_ended_with_its_month_is_silent_for_nobody() -> None:
    now = datetime(2017, 6, 1, 3, tzinfo=UTC)
    may, june = now - timedelta(hours=4), now - timedelta(hours=1)
    days = [a_day(may, seen("old-a", may), seen("old-b", may)), a_day(june, seen("new-a", june, runs=2))]
    health = describe_fleet(days, now=now, lab=False)
    assert (names(health, "active"), names(health, "silent")) == (["new-a"], [])
    assert [(network.probes, network.quiet) for network in health.networks] == [(2, False)]


def test_a_network_with_fewer_than_half_of_its_probes_is_quiet() -> None:
    days = [a_day(NOW - timedelta(days=back), *(seen(f"p{n}", NOW - timedelta(days=back)) for n in range(4)),
                  seen("q", NOW - timedelta(days=back), asn=64501)) for back in range(8, 0, -1)]
    days.append(a_day(NOW, seen("p0", NOW), seen("q", NOW, asn=64501), seen("new", NOW, asn=64502)))
    health = describe_fleet(days, now=NOW, lab=False)
    assert {network.asn: (network.probes, network.usual_probes, network.quiet) for network in health.networks} == {
        64500: (1, 4, True), 64501: (1, 1, False), 64502: (1, 0, False)}
    assert any("AS64500" in line for line in list_findings(health))


def test_a_release_names_networks_with_five_established_probes() -> None:
    days = [a_day(NOW - timedelta(days=back), *(seen(f"a{n}", NOW) for n in range(5)),
                  *(seen(f"b{n}", NOW, asn=64501) for n in range(4)), *(seen(f"c{n}", NOW, asn=0) for n in range(9)),
                  *(seen(f"d{n}", NOW, asn=64502) for n in range(9) if not back)) for back in range(4, -1, -1)]
    begin = (NOW - timedelta(days=9)).date()
    record = VouchedNames(begin=begin, names={
        (f"{group}{n}", 0): VouchedName(since=NOW.date() if group == "d" else begin, prefix="")
        for group in "abd" for n in range(9)})
    named = {vouched is not None: {network.asn: network.named for network in describe_fleet(
        days, now=NOW, lab=False, vouched=vouched).networks} for vouched in (record, None)}
    assert named[True] == {64500: True, 64501: False, 64502: False, 0: False}
    assert set(named[False].values()) == {False}


def test_what_is_of_nobody_is_counted_and_nothing_else() -> None:
    days = [a_day(NOW, seen("", NOW, runs=3), seen("lab", NOW, lab=True)),
            a_day(NOW + timedelta(days=9), seen("late", NOW + timedelta(days=9), runs=2))]
    health = describe_fleet(days, now=NOW, lab=False)
    assert (health.nameless_runs, health.ahead_runs, health.runs_today, health.probes) == (3, 2, 3, ())
    assert names(describe_fleet(days, now=NOW, lab=True), "active") == ["lab"]
    assert describe_fleet([], now=NOW, lab=False).newest_run == ""


# reading


def send(out: Path, run_id: str, at: datetime = NOW, *, volunteer: int = 1, damaged: bool = False) -> None:
    key = make_month_key(bytes([volunteer]) * 32)
    result = named(a_result(run_id, format_time(at)), key=key)
    run = replace(result.run, n_targets=9, n_attempted=8, software_version="1.0", bytes_read=7)
    (path, *_) = [path for path in write_run(replace(result, run=run), out, parquet=False, signer=key)
                  if path.parent.parent.name == "runs"]
    if damaged:
        path.write_bytes(path.read_bytes().replace(b"RU", b"IR"))


def read(out: Path) -> list[DayRuns]:
    return read_fleet_days(out, since=find_first_day(NOW))


def test_each_run_is_read_once_also_when_its_day_was_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    send(out, "r-a", NOW - timedelta(days=3))
    send(out, "r-b", NOW - timedelta(days=3), volunteer=2)
    send(out, "r-old", NOW - timedelta(days=90))
    first = read(out)
    assert [(day.day, len(day.probes), sum(probe.runs for probe in day.probes)) for day in first] == [
        ("2017-05-17", 2, 2)]
    compact_days(out, today=NOW.date())
    with monkeypatch.context() as patched:
        patched.setattr(health_memory, "runs_in", lambda *_, **__: pytest.fail("was read again"))
        assert read(out) == first
    send(out, "r-c", NOW - timedelta(days=3), volunteer=2)
    (day,) = read(out)
    assert sorted(probe.runs for probe in day.probes) == [1, 2]
    assert sum(probe.bytes_read for probe in day.probes) == 21


def test_a_run_that_is_gone_is_counted_no_more(tmp_path: Path) -> None:
    out = tmp_path / "out"
    send(out, "r-a")
    send(out, "r-b")
    read(out)
    for path in out.rglob("r-a.csv"):
        path.unlink()
    assert [probe.runs for probe in read(out)[0].probes] == [1]


def test_what_is_not_as_it_was_signed_counts_for_nobody(tmp_path: Path) -> None:
    out = tmp_path / "out"
    send(out, "r-a")
    send(out, "r-b", damaged=True)
    (out / "runs" / "date=2017-05-20" / "r-c.csv").write_bytes(b"run_id,\r\n")
    for _ in range(2):
        (day,) = read(out)
        assert (day.unusable, day.unreadable, [probe.runs for probe in day.probes]) == (1, 1, [1])


@pytest.mark.parametrize("damage", [b"", b"\x93", b"\xc1" * 99, b"\x81" * 9999])
def test_a_damaged_cache_costs_time_alone(tmp_path: Path, damage: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    out = tmp_path / "out"
    send(out, "r-a")
    first = read(out)
    (cache,) = (tmp_path / "cache").rglob("fleet-*")
    assert cache in find_kept(out).state
    cache.write_bytes(damage)
    assert read(out) == first


def test_no_results_are_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no results"):
        read(tmp_path)


# Prometheus, Grafana, pages

WORDS = st.text(st.characters(exclude_categories=()), max_size=9)
ROWS = st.builds(
    ProbeDay, probe_id=WORDS, cc=st.sampled_from(("RU", "IR", "ZZ")), asn=st.integers(0, 2**32), lab=st.just(False),
    runs=st.integers(1, 99), last_run=st.just(format_time(NOW)), software=WORDS, catalogue=WORDS, rules=WORDS,
    outcomes=st.dictionaries(WORDS, st.integers(1, 9), max_size=3), consent_level=st.integers(-9, 9),
    clock_offset_s=st.none() | st.floats(allow_nan=False))


@given(rows=st.lists(ROWS, max_size=4))
def test_a_parser_of_prometheus_reads_the_figures_and_a_browser_the_page(rows: list[ProbeDay]) -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    health = describe_fleet([a_day(NOW - timedelta(days=1), *rows), a_day(NOW, *rows)], now=NOW, lab=False)
    families = {family.name: family for family in parser.text_string_to_metric_families(format_metrics(health))}
    assert set(families) == set(METRICS)
    for name, family in families.items():
        assert family.type == "gauge"
        assert {tuple(sample.labels) for sample in family.samples} <= {METRICS[name].labels}
        keys = [tuple(sample.labels.values()) for sample in family.samples]
        assert len(keys) == len(set(keys)), "two samples of one name are refused as a whole"
    states = {sample.labels["state"]: sample.value for sample in families["probe_fleet_probes"].samples}
    assert states == {"active": len({row.probe_id for row in rows} - {""}), "silent": 0, "former": 0}
    page = make_health_page(health)
    assert "\x1b" not in page
    assert page.count("<script") == 0


def test_no_probe_is_named_and_no_number_of_networks_floods_the_figures() -> None:
    rows = [seen(f"secret-{n}", NOW, asn=n) for n in range(MOST_SAMPLES + 5)]
    text = format_metrics(describe_fleet([a_day(NOW, *rows)], now=NOW, lab=False))
    assert "secret" not in text
    assert text.count("probe_fleet_network_probes{") == MOST_SAMPLES


def expressions() -> list[str]:
    return [target["expr"] for panel in json.loads(read_dashboard())["panels"] for target in panel["targets"]]


def test_the_dashboard_asks_for_what_there_is() -> None:
    asked: Mapping[str, set[str]] = {name: set() for name in METRICS}
    for expression in expressions():
        found = re.findall(r"probe_fleet_\w+", expression)
        assert found, expression
        labels = {label for by in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r",\s*", by)}
        labels |= set(re.findall(r"(\w+)=\"", expression))
        for name in found:
            assert name in METRICS, expression
            assert labels <= set(METRICS[name].labels), expression
            asked[name].add(expression)
    assert [name for name, of in asked.items() if not of] == [], "what nobody shows nobody needs"


def test_states_and_spans_of_the_dashboard_exist() -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    text = format_metrics(describe_fleet(ages(a=1, b=40), now=NOW, lab=False))
    there = {(sample.name, pair) for family in parser.text_string_to_metric_families(text) for sample in family.samples
             for pair in sample.labels.items()}
    for expression in expressions():
        for name, label, value in re.findall(r"(probe_fleet_\w+)\{(\w+)=\"(\w+)\"\}", expression):
            assert (name, (label, value)) in there


def test_the_command_writes_page_figures_and_dashboard(in_folder: Path) -> None:
    now = datetime.now(UTC)
    for volunteer in range(1, 4):
        send(Path("out"), f"r-{volunteer}", now - timedelta(minutes=volunteer), volunteer=volunteer)
    result = CliRunner().invoke(cli, ("fleet", "health", "out", "-o", "page.html", "--metrics", "fleet.prom",
                                      "--dashboard", "grafana.json", "--json"))
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert (found["active"], found["silent"], len(found["networks"])) == (3, 0, 1)
    assert 'probe_fleet_probes{state="active"} 3\n' in Path("fleet.prom").read_text()
    assert json.loads(Path("grafana.json").read_text()) == json.loads(read_dashboard())
    assert Path("page.html").read_text().startswith("<!DOCTYPE html>")
    assert CliRunner().invoke(cli, ("fleet", "health", "out")).exit_code == 0
    assert CliRunner().invoke(cli, ("fleet", "health", "nothing")).exit_code == 1


def test_without_the_laboratory_its_commands_are_told_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_plugins(monkeypatch, FLEET_COMMANDS)
    result = CliRunner().invoke(cli, ("fleet", "score"))
    assert (result.exit_code, "./lab" in result.output) == (1, True)
    assert CliRunner().invoke(cli, ("fleet", "scored")).exit_code == 2
    assert CliRunner().invoke(cli, ("fleet", "health", "--help")).exit_code == 0
