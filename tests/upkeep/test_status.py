"""`probe status`: what is found, and what to do about it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from in_order import in_order
from probe.cli.main import cli
from probe.config.geo.geo_status import GeoStatus as GeoStanding
from probe.config.settings import (
    ConsentSettings,
    HelperSettings,
    PublicControlSettings,
    RunSettings,
    Settings,
    VantageSettings,
)
from probe.core.runs import Run, Vantage
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.judge.verdicts.awaiting_controls import AwaitingControls
from probe.store.runs.run_writer import write_run
from probe.upkeep.schedules.missing_runs import Gap, ScheduleTerm
from probe.upkeep.schedules.rhythm import make_rhythm
from probe.upkeep.schedules.schedule_log import ScheduleEvent, append_event, get_now
from probe.upkeep.status.installation_checks import ONE_CONTROL, list_means
from probe.upkeep.status.run_answer import answer_run
from probe.upkeep.status.service_answer import CatalogueFacts
from probe.upkeep.status.status_facts import StatusFacts, gather_status_facts
from probe.upkeep.status.status_findings import BAD, NOTE, OK, StatusFinding, list_findings
from stored import a_result

NOW = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
TERM = ScheduleTerm(begin=NOW - timedelta(days=9), end=None, rhythm=make_rhythm(60, 30), by="cron")
WELL = ("link:up", "tunnel:none", "gateway:answers", "resolver:ok", "ipv6:ok", "clock:ok")


def a_run(**others: object) -> Run:
    run = Run(run_id="r", measurement_start_time="2026-11-25T12:05:00Z", ladder=WELL, n_targets=9, n_attempted=8,
              runtime_s=600.0, bytes_written=1500, bytes_read=2_000_000)
    return replace(run, **others)  # type: ignore[arg-type]


ANSWER = answer_run(
    a_run(), [Verdict(target_id="signal.chat.x", service="signal", role="chat", input="i", outcome="ok")],
    [ServiceVerdict(service="signal", role="chat", outcome="ok", k=0, n=1)], CatalogueFacts(services={}, roles={}))
WELL_SET_UP = StatusFacts(
    now=NOW, settings=Settings(path="/p.toml", consent=ConsentSettings(date="2026-11-01", text=1, level=1),
                               helper=(HelperSettings(id="a", url="https://a.example/"),)),
    results=Path("/r"), not_agreed="", at_work=("cron",), term=TERM, events=(), gaps=(), running_since=None,
    runs=(a_run(),), unreadable=(), blocked=(), disk_bytes=10**6, free_bytes=10**12, errors="", answer=ANSWER,
)


def asks_globalping(cc: str) -> Settings:
    return Settings(vantage=VantageSettings(cc=cc), public_controls=PublicControlSettings(globalping=True))


def found(**others: object) -> dict[str, StatusFinding]:
    facts = replace(WELL_SET_UP, **others)  # type: ignore[arg-type]
    return {finding.what: finding for finding in reversed(list_findings(facts))}


def test_where_all_is_well_nothing_is_to_do() -> None:
    for what, finding in found().items():
        assert (finding.state, finding.todo) == (OK, ""), what
    assert in_order(found()["data used"].text, "1.5 kB sent", "2.0 MB received", "24 hours")


GAP = Gap(first=NOW - timedelta(hours=3), last=NOW - timedelta(hours=2), n=2, why="not_started")


@pytest.mark.parametrize(("others", "what", "state", "told"), [
    ({"not_agreed": "Nobody."}, "consent", BAD, "Nobody"),
    ({"at_work": ()}, "schedule", BAD, "not there any more"),
    ({"at_work": (), "term": None}, "schedule", NOTE, "none"),
    ({"at_work": ("cron", "systemd-user")}, "schedule", BAD, "several"),
    ({"term": None}, "schedule", NOTE, "no log"),
    ({"runs": ()}, "last run", NOTE, "none"),
    ({"runs": (a_run(outcome="local", block_type="local.offline"),)}, "last run", NOTE, "local.offline"),
    ({"unreadable": ("x: torn\x1b[2J",)}, "results", BAD, r"torn\x1b"),
    ({"events": (ScheduleEvent(at=NOW, kind="failed", why="the disk is full"),)}, "failure", BAD, "disk is full"),
    ({"errors": "one\nError: two\n"}, "last words", NOTE, "Error: two"),
    ({"gaps": (GAP,)}, "gap", BAD, "2 from 2026-11-25 09:30 UTC: nothing started it"),
    ({"gaps": (replace(GAP, last=NOW - timedelta(days=3)),)}, "gap", NOTE, "nothing started it"),
    ({"blocked": (Verdict(target_id="a.b.c", service="a", role="chat", input="i", outcome="blocked",
                          block_type="tls.reset.sni"),)}, "blocked now", NOTE, "a.b.c: tls.reset.sni, seen in one run"),
    ({"answer": None}, "blocked now", NOTE, "not known"),
    ({"answer": replace(ANSWER, services=())}, "blocked now", NOTE, "not known"),
    ({"free_bytes": 10**6}, "disk", BAD, "1.0 MB are free"),
    ({"runs": (a_run(ladder=("clock:wrong",), clock_offset_s=90.0),)}, "clock", BAD, "90 s behind"),
    ({"runs": (a_run(measurement_start_time="2027-11-25T12:05:00Z"),)}, "clock", BAD, "future"),
    ({"runs": (a_run(ladder=("resolver:silent",)),)}, "resolver", NOTE, "silent"),
    ({"runs": (a_run(ladder=("ipv6:broken",)),)}, "IPv6", NOTE, "broken"),
    ({"runs": (a_run(conditions=("metered:unknown", "network:changed")),)}, "network", NOTE, "another network"),
    ({"runs": (a_run(conditions=("run:cut_short",)),)}, "last run", NOTE, "partial"),
    ({"runs": (a_run(conditions=("run:cut_short",)), a_run())}, "before", NOTE, "partial"),
    ({"runs": (a_run(controls_left_out=("helper-a:invents",)),)}, "helper", NOTE, "helper-a was not counted"),
    ({"runs": (a_run(ladder=("tunnel:full",)),)}, "VPN", NOTE, "nothing is said"),
    ({"settings": Settings()}, "configuration", NOTE, "none"),
    ({"settings": Settings()}, "controls", NOTE, "none"),
    ({"settings": asks_globalping("IR")}, "controls", NOTE, "not asked from IR"),
    ({"settings": Settings(), "answer": replace(ANSWER, awaiting=AwaitingControls(first=3))}, "controls", NOTE, "3"),
])
def test_each_finding_says_what_to_do(others: dict[str, object], what: str, state: str, told: str) -> None:
    finding = found(**others)[what]
    assert finding.state == state
    assert told in finding.text
    assert finding.todo or (what in ("gap", "before") and state == NOTE)


def test_a_public_network_is_a_control_where_runs_ask_it() -> None:
    assert found(settings=asks_globalping("DE"))["controls"].state == OK
    assert list_means(asks_globalping("DE"), None) & ONE_CONTROL == {"helper"}
    assert not list_means(asks_globalping("IR"), None) & ONE_CONTROL


def test_the_next_run_is_told_by_the_schedules_own_clock() -> None:
    by_systemd = replace(TERM, by="systemd-user", begin=datetime(2026, 11, 20, 0, 40, tzinfo=UTC))
    assert datetime(2026, 11, 25, 12, 40, tzinfo=UTC).astimezone().strftime("%H:%M") in found(
        at_work=("systemd-user",), term=by_systemd)["next run"].text
    assert "10 minutes later" in found()["next run"].text


@pytest.mark.parametrize(("run", "cc", "told"), [
    (RunSettings(), "DE", ["the core", "/23 of what is measured about once a day", "/167 of what"]),
    (RunSettings(), "RU", ["the core", "/23 of small servers", "run.rotate = true"]),
    (RunSettings(rotate=True), "RU", ["/23 of what is measured about once a day"]),
    (RunSettings(rotate=False), "DE", ["all endpoints up to tier 1"]),
    (RunSettings(tier=2), "DE", ["all endpoints up to tier 2"]),
])
def test_the_next_turn_is_told(run: RunSettings, cc: str, told: list[str]) -> None:
    settings = Settings(path="/p.toml", consent=WELL_SET_UP.settings.consent, run=run, vantage=VantageSettings(cc=cc))
    text = found(settings=settings)["next turn"].text
    assert all(part in text for part in told), text


def test_the_conditions_of_the_last_run_are_told() -> None:
    run = a_run(conditions=("power:battery", "charge:60", "metered:likely"))
    assert in_order(found(runs=(run,))["conditions"].text, "battery", "60 %", "metered", "likely")


@pytest.mark.parametrize("why", ["battery", "metered", "late"])
def test_a_run_that_was_let_be_is_nothing_to_put_right(why: str) -> None:
    gap = replace(GAP, why=why)
    assert (found(gaps=(gap,))["gap"].state, found(gaps=(gap,))["gap"].todo) == (NOTE, "")


# ---- from files

def test_a_folder_with_spoiled_files_is_told_as_far_as_it_goes(tmp_path: Path) -> None:
    moment = get_now()
    for number in range(3):
        result = a_result(f"r-{number}", (moment - timedelta(hours=3 - number)).isoformat())
        write_run(result, tmp_path, parquet=False)
    write_run(a_result("old", "2017-05-04T06:12:00Z"), tmp_path, parquet=False)
    spoiled = sorted(tmp_path.glob("runs/date=*/r-1.csv"))[0]
    spoiled.write_text("nonsense")
    begin = moment - timedelta(hours=2, minutes=59)
    append_event(tmp_path, ScheduleEvent(at=begin, kind="installed", by="cron", every_min=60, first=begin))
    facts = gather_status_facts(Settings(), tmp_path, now=moment, not_agreed="", at_work=(), running_since=None,
                                errors="")
    assert [run.run_id for run in facts.runs] == ["r-0", "r-2"]
    assert len(facts.unreadable) == 1
    assert sum(gap.n for gap in facts.gaps) == 3
    assert facts.disk_bytes > 1000


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.fixture
def home(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(in_folder))
    monkeypatch.setenv("PATH", str(in_folder))  # no crontab of the person who runs the tests
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "PROBE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("probe.config.settings.SEARCH_PATHS", ())
    monkeypatch.setattr("probe.instruments.device.vantage.list_families", lambda: (4,))
    monkeypatch.setattr("probe.upkeep.schedules.units.SYSTEM_FOLDER", in_folder / "system")
    return in_folder


def test_the_command_tells_and_writes_nothing(home: Path) -> None:
    result = call("status")
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert "BAD   consent" in result.output
    assert "probe setup" in result.output
    assert not list(home.iterdir())


def test_the_command_speaks_json(home: Path) -> None:
    write_run(a_result("r", get_now().isoformat()), home / "results", parquet=False)
    told = json.loads(call("status", "--json").output)
    assert [run["run_id"] for run in told["runs"]] == ["r"]
    assert {"consent", "version", "privilege", "resolver now", "network now"} <= {f["what"] for f in told["findings"]}


def test_a_spoiled_configuration_is_told(home: Path) -> None:
    Path("bad.toml").write_text("[run]\ntire = 1\n")
    result = call("status", "--config", "bad.toml")
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert "bad.toml: " in result.output


@pytest.mark.parametrize(("place", "state", "told"), [
    (Vantage(probe_cc="DE", probe_asn=64500), OK, "DE AS64500 in the last run"),
    (Vantage(probe_cc="DE", probe_asn=64500, geo_cc="DE", geo_asn_ipv4=64500, geo_asn_ipv6=64501, geo_db="x"), OK,
     "by the table DE AS64500 and AS64501"),
    (Vantage(probe_cc="DE", probe_asn=1, geo_cc="TR", geo_asn_ipv4=2, geo_db="x", vantage_doubt=("country", "network")),
     NOTE, "by the table TR AS2: you state another country; you state another network"),
    (Vantage(vantage_doubt=("moved",)), NOTE, "changed its network"),
])
def test_the_place_is_told_and_what_is_in_doubt_of_it(place: Vantage, state: str, told: str) -> None:
    finding = found(runs=(a_run(vantage=place),))["place"]
    assert (finding.state, bool(finding.todo)) == (state, state != OK)
    assert told in finding.text


def test_the_table_is_told_with_what_to_do_about_it() -> None:
    assert "table" not in found()
    for geo, state in ((GeoStanding(text="well"), OK), (GeoStanding(text="old", todo="renew"), NOTE),
                       (GeoStanding(text="torn", todo="renew", damaged=True), BAD)):
        assert found(geo=geo)["table"] == StatusFinding(what="table", state=state, text=geo.text, todo=geo.todo)
