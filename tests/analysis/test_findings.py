"""Events beside the cells: the log only grows, and what is new since a time is told. Who finds them stands in here."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from fleet_days import NOW, START, some_runs, write_runs
from in_order import in_order
from probe.cli.main import cli
from probe.store.files.atomic import StoreError
from probe_analysis.cells.file_names import CELLS_FILE
from probe_analysis.counts.cells_origin import CellsOrigin
from probe_analysis.events import event_findings
from probe_analysis.events.event import Event
from probe_analysis.events.findings import Findings
from test_cells import counted


def event(name: str, hour: int) -> Event:
    """An event of an hour, of a service with that name."""
    at = [START + timedelta(hours=hour + more) for more in range(2)]
    return Event(
        event_id=f"id-{name}", kind="service", status="confirmed", lab=False, place="RU", service=name, roles=("chat",),
        endpoints=(), networks=(), onset_from=at[0], onset=at[0], onset_until=at[0], end_from=at[1], end_until=at[1],
        ongoing=False, daily_hours=None, strength=1.0, blocked=1, decided=1, witnesses=1, mechanism="", probability=0.9,
        ruled_out=(), not_ruled_out=())


@pytest.fixture
def detected(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the stand-in finds, and what it was given."""
    seen: dict[str, Any] = {"events": [event("one", 1)]}

    def examine(out: Path, origin: CellsOrigin, population: Callable[[], Path] | None, curves: object) -> Findings:
        seen["rows"], seen["step"] = pq.read_metadata(out / CELLS_FILE).num_rows, origin.step
        seen["population"] = population() if population else None
        return Findings(events=tuple(seen["events"]))

    monkeypatch.setattr(event_findings, "_examine", examine)
    return seen


def test_the_log_only_grows(tmp_path: Path, detected: dict[str, Any]) -> None:
    write_runs(tmp_path / "in", some_runs(10), parquet=False)
    cells, _ = counted(tmp_path / "in", tmp_path / "out")
    first = event_findings.find_events(tmp_path / "out", since=None, now=NOW)
    assert [row["event_id"] for row in first.rows] == ["id-one"]
    assert detected["rows"] == len(cells)
    text = (tmp_path / "out" / "events.jsonl").read_text()
    assert not event_findings.find_events(tmp_path / "out", since=None, now=NOW).rows
    detected["events"].append(event("two", 5))
    later = event_findings.find_events(tmp_path / "out", since=None, now=NOW + timedelta(days=1))
    assert [row["event_id"] for row in later.rows] == ["id-two"]
    assert (tmp_path / "out" / "events.jsonl").read_text().startswith(text)
    since = event_findings.find_events(tmp_path / "out", since=NOW, now=NOW + timedelta(days=2))
    assert [row["event_id"] for row in since.rows] == ["id-one", "id-two"]
    assert [found["id"] for found in since.found["events"]] == ["id-one", "id-two"]


def test_a_log_that_is_none_is_left_alone(tmp_path: Path, detected: dict[str, Any]) -> None:
    write_runs(tmp_path / "in", some_runs(3), parquet=False)
    counted(tmp_path / "in", tmp_path / "out")
    (tmp_path / "out" / "events.jsonl").write_text('{"event_id": "a"}\nnot json\n')
    with pytest.raises(StoreError, match=r"events\.jsonl, line 2"):
        event_findings.find_events(tmp_path / "out", since=None, now=NOW)
    assert len((tmp_path / "out" / "events.jsonl").read_text().splitlines()) == 2


def test_the_command_tells_events(tmp_path: Path, detected: dict[str, Any]) -> None:
    detected["events"] = [event("one\x1b[2J", 1)]
    write_runs(tmp_path / "in", some_runs(3), parquet=False)
    arguments = ["analyse", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--memory", "300"]
    done = CliRunner().invoke(cli, arguments)
    assert detected["population"] == tmp_path / "out" / "population.parquet"
    assert "new: one\\x1b[2J" in done.output
    assert in_order(done.output, "Events: 1", "1 told")
    told = json.loads(CliRunner().invoke(cli, [*arguments, "--json", "--changes-since", "2020-01-01"]).stdout)
    assert [found["service"] for found in told["events"]] == ["one\x1b[2J"]
    assert datetime.fromisoformat(told["changes"][0]["logged_at"]).tzinfo == UTC
    assert (told["dismissed"], told["flaky"]) == ([], [])
