"""Events beside the cells: the log only grows, and what is new since a time is told. Who finds them stands in here."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from in_order import in_order

pytest.importorskip("pandas", reason="needs the extra `research`")
pytest.importorskip("ibis", reason="needs the extra `research`")
pytest.importorskip("duckdb", reason="needs the extra `research`")

from fleet_days import NOW, START, some_runs, write_runs
from probe.cli.main import cli
from probe.research.events import event_findings
from probe.results.files.atomic import StoreError
from test_cells import counted


@dataclass
class Covered:
    begin: datetime
    end: datetime


@pytest.fixture
def detected(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the stand-in finds, and what it was given."""
    seen: dict[str, Any] = {"events": ["one"]}

    def detect(cells: Any) -> list[str]:
        seen["rows"] = len(cells["cell_start"])
        return list(seen["events"])

    def update_log(old: list[dict[str, str]], events: list[str], now: datetime, covered: Covered) -> list[Any]:
        seen["covered"] = covered
        known = {row["event_id"] for row in old}
        return [{"event_id": event, "logged_at": now.isoformat(), "change": "new"} for event in events
                if event not in known]

    log = SimpleNamespace(
        CoveredTime=Covered, update_log=update_log,
        describe_row=lambda row: f"{row['change']}: {row['event_id']}\x1b[2J",
        list_changes=lambda rows, since: [row for row in rows if datetime.fromisoformat(row["logged_at"]) >= since])
    monkeypatch.setitem(sys.modules, "probe.research.events.event_detection", SimpleNamespace(detect_events=detect))
    monkeypatch.setitem(sys.modules, "probe.research.events.event_log", log)
    monkeypatch.setattr(event_findings, "can_find_events", lambda: True)
    return seen


def test_the_log_only_grows(tmp_path: Path, detected: dict[str, Any]) -> None:
    write_runs(tmp_path / "in", some_runs(10), parquet=False)
    cells, _ = counted(tmp_path / "in", tmp_path / "out")
    first = event_findings.find_events(tmp_path / "out", since=None, now=NOW)
    assert [row["event_id"] for row in first.rows] == ["one"]
    assert detected["rows"] == len(cells)
    assert START <= detected["covered"].begin < detected["covered"].end <= START + timedelta(days=3)
    text = (tmp_path / "out" / "events.jsonl").read_text()
    assert not event_findings.find_events(tmp_path / "out", since=None, now=NOW).rows
    detected["events"].append("two")
    later = event_findings.find_events(tmp_path / "out", since=None, now=NOW + timedelta(days=1))
    assert [row["event_id"] for row in later.rows] == ["two"]
    assert (tmp_path / "out" / "events.jsonl").read_text().startswith(text)
    since = event_findings.find_events(tmp_path / "out", since=NOW, now=NOW + timedelta(days=2))
    assert [row["event_id"] for row in since.rows] == ["one", "two"]
    assert since.events == 2


def test_a_log_that_is_none_is_left_alone(tmp_path: Path, detected: dict[str, Any]) -> None:
    write_runs(tmp_path / "in", some_runs(3), parquet=False)
    counted(tmp_path / "in", tmp_path / "out")
    (tmp_path / "out" / "events.jsonl").write_text('{"event_id": "a"}\nnot json\n')
    with pytest.raises(StoreError, match=r"events\.jsonl, line 2"):
        event_findings.find_events(tmp_path / "out", since=None, now=NOW)
    assert len((tmp_path / "out" / "events.jsonl").read_text().splitlines()) == 2


def test_the_command_tells_events(tmp_path: Path, detected: dict[str, Any]) -> None:
    write_runs(tmp_path / "in", some_runs(3), parquet=False)
    arguments = ["analyse", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--memory", "300"]
    done = CliRunner().invoke(cli, arguments)
    assert "new: one\\x1b[2J" in done.output
    assert in_order(done.output, "Events: 1", "1 told")
    told = json.loads(CliRunner().invoke(cli, [*arguments, "--json", "--since", "2020-01-01"]).stdout)
    assert [event["event_id"] for event in told["events"]] == ["one"]
    assert datetime.fromisoformat(told["events"][0]["logged_at"]).tzinfo == UTC
