"""A list of one's own that cannot be used holds up nothing that an operator asks: neither a stop nor a pause."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from operator_folder import make_operator_folder, publish
from probe.instruments.device.conditions import DeviceConditions
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_NO_CONSENT
from probe.upkeep.schedules.schedule_log import ScheduleEvent, append_event, get_now, read_events
from probe.upkeep.updates.list_document import OLD, ListError, read_document
from signed import document, put, targets
from update_world import Made, bring, call, configure, made_by, served, settle, today

BROKEN = ("target_id,serv\x1bice\n1\n", targets({"tier": "9"}), "", "\0")
STOP = {"RU": {"stop": ["telegram"]}}


@pytest.fixture(autouse=True)
def home(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settle(in_folder, monkeypatch)
    monkeypatch.setattr("probe.upkeep.commands.timed_run.read_conditions", DeviceConditions)
    return in_folder


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    return made_by(monkeypatch)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_stop_reaches_a_volunteer_whose_own_list_is_broken(made: Made, broken: str) -> None:
    Path("targets.csv").write_text(broken)
    Path("good.csv").write_text(targets({}, {"input": "https://signal.org/", "service": "signal",
                                             "target_id": "signal.web.a"}))
    begin = get_now() - timedelta(minutes=10)
    append_event(Path("results"),
                 ScheduleEvent(at=begin, kind="installed", by="systemd-user", every_min=60, first=begin))
    with served(document(8, today(), policy=STOP)) as (url, asked):
        configure(url)
        result = call("run", "--timed")
    assert result.exit_code == EXIT_FAILED
    assert "targets.csv" in result.output
    assert "\x1b" not in result.output
    assert not made.runs
    assert asked
    assert [event.kind for event in read_events(Path("results"), since=begin)] == ["installed", "failed"]
    assert call("run", "--catalogue", "good.csv").exit_code == 0
    assert {e.service for e in made.runs[0][0].endpoints if e.role != "control"} == {"signal"}


def test_a_pause_explains_the_gap_also_where_the_own_list_is_broken(made: Made) -> None:
    begin = get_now() - timedelta(minutes=10)
    append_event(Path("results"),
                 ScheduleEvent(at=begin, kind="installed", by="systemd-user", every_min=60, first=begin))
    with served(document(8, today(), policy={"RU": {"pause": "raids"}})) as (url, _):
        configure(url, catalogue="absent.csv")
        result = call("run", "--timed")
    assert result.exit_code == EXIT_FAILED
    assert "raids" in result.output
    assert "absent.csv" in result.output
    assert read_events(Path("results"), since=begin)[-1].kind == "paused"


@pytest.mark.parametrize("arguments", [("run",), ("run", "--timed", "--dry-run")])
def test_who_would_not_look_for_a_list_does_not_with_a_broken_one(arguments: tuple[str, ...], made: Made) -> None:
    with served(document(8, today())) as (url, asked):
        configure(url, catalogue="absent.csv")
        assert call(*arguments).exit_code == EXIT_FAILED
    assert not asked


def test_without_consent_nobody_is_asked(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.cli.run.explain_refusal", lambda *_, **__: "nobody agreed")
    with served(document(8, today())) as (url, asked):
        configure(url, catalogue="absent.csv")
        assert call("run", "--timed").exit_code == EXIT_NO_CONSENT
    assert not asked


def test_by_hand_a_list_is_brought_beside_a_broken_own_one() -> None:
    configure(catalogue="absent.csv")
    result = bring(policy=STOP)
    assert result.exit_code == 0
    assert "telegram" in result.stdout
    assert "absent.csv" in result.stderr
    told = json.loads(call("update", "--from", str(put(Path(), document(9, today(), policy=STOP))), "--json").stdout)
    assert (told["serial"], told["stop"], told["catalogue"]) == (9, ["telegram"], "")


@pytest.mark.parametrize("broken", [BROKEN[1].encode(), b"\xff"])
def test_policies_go_out_where_the_operators_own_targets_are_broken(tmp_path: Path, broken: bytes) -> None:
    folder = make_operator_folder(tmp_path / "op")
    own, there = folder.config / "targets.csv", folder.public / "lists" / "list.json"
    (folder.config / "policy.toml").write_text('[XX]\npause = "arrests"\n')
    own.write_bytes(broken)
    for hours in (0, 1):
        with pytest.raises(ListError, match=r"targets\.csv"):
            publish(folder, later=timedelta(hours=hours))
        found = read_document(there.read_bytes())
        assert found.policy["XX"].pause == "arrests"
        assert found.policy["*"] == OLD, "the operator's own targets may have been fewer"
    own.write_text(targets())
    publish(folder, later=timedelta(hours=1))
    assert "*" not in read_document(there.read_bytes()).policy
    own.write_bytes(broken)
    (folder.config / "policy.toml").write_text('[XX]\nstop = ["signal"]\n')
    for hours in (2, 3):
        with pytest.raises(ListError, match=r"targets\.csv"):
            publish(folder, later=timedelta(hours=hours))
        found = read_document(there.read_bytes())
        assert (found.policy["XX"].stop, found.targets, "*" in found.policy) == (("signal",), targets(), False)
