"""Curves of traffic from outside: a gate for events of many services, read from hostile files."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from made_cells import SERVICES, at, quiet, struck
from probe.store.files.atomic import StoreError
from probe_analysis.cli.analyse import analyse
from probe_analysis.events import curve_files
from probe_analysis.events.curve_files import read_curve_file, read_curves
from probe_analysis.events.event import Event
from probe_analysis.events.event_detection import examine_cells
from probe_analysis.events.outage_curves import OutageCurves, make_curves
from probe_analysis.events.series_reading import read_cells
from probe_analysis.events.service_hosting import ServiceHosting

BLOCKED = range(300, 340)
OURS = (64501, 64502)
MANY, ONE = SERVICES[:6], SERVICES[:1]


def curve(network: str, low: range = range(0), share: float = 0.0, *, step: int = 1) -> str:
    """A curve with a daily rhythm, of which some hours have a share of the usual."""
    lines = [f"{at(hour).isoformat()},{network},{(100 + 50 * (hour % 24 > 8)) * (share if hour in low else 1.0)}"
             for hour in range(0, 480, step)]
    return "\n".join(["time,network,value", *lines])


def given_curves(folder: Path, *texts: str) -> OutageCurves:
    files = [folder / f"{number}.csv" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    return read_curves(files)


def ours(table: pd.DataFrame, curves: OutageCurves, *, step: timedelta = timedelta(hours=1)) -> list[Event]:
    found = examine_cells(read_cells(table, step), hosting=lambda service, cc: ServiceHosting(owner=service),
                          curves=curves)
    return [event for event in found.events if event.place == "RU" and not event.part_of]


@pytest.mark.parametrize(("texts", "kind", "status", "ruled_out"), [
    ([], "services", "confirmed", False),
    ([curve("RU", BLOCKED, 0.2)], "network", "confirmed", False),
    ([curve("RU", BLOCKED, 0.7)], "services", "confirmed", False),
    ([curve("RU")], "services", "confirmed", True),
    ([curve("IR", BLOCKED, 0.0)], "services", "confirmed", False),
    ([curve("RU"), curve("RU", BLOCKED, 0.2)], "network", "confirmed", False),
    ([curve("RU", BLOCKED, 0.2), curve("RU-AS64501"), curve("AS64502")], "services", "confirmed", True),
    ([curve("RU-AS64501", BLOCKED, 0.0) + "\n" + curve("AS64502", BLOCKED, 0.0)], "network", "confirmed", False),
    ([curve("RU", range(300, 310), 0.0)], "services", "confirmed", False),
    ([curve("RU", BLOCKED, 0.2, step=6)], "network", "confirmed", False),
])
def test_many_services_that_fail_while_all_traffic_is_down_are_no_block(
        tmp_path: Path, texts: list[str], kind: str, status: str, ruled_out: bool) -> None:
    table = struck(quiet(n=6), BLOCKED, services=MANY, asns=OURS)
    (event,) = ours(table, given_curves(tmp_path, *texts))
    assert (event.kind, event.status) == (kind, status)
    assert set(event.services_failed or event.services_blocked) == set(MANY)
    assert ("outage" in event.ruled_out) is ruled_out


@pytest.mark.parametrize(("text", "status"), [
    (curve("RU", BLOCKED, 0.2), "suspected"), (curve("RU"), "confirmed"), (curve("RU", BLOCKED, 0.6), "confirmed")])
def test_one_service_that_fails_while_all_traffic_is_down_is_a_suspicion(tmp_path: Path, text: str,
                                                                         status: str) -> None:
    (event,) = ours(struck(quiet(n=6), BLOCKED, services=ONE, asns=OURS), given_curves(tmp_path, text))
    assert (event.kind, event.service, event.status) == ("service", ONE[0], status)


def test_a_line_that_carries_all_traffic_is_well_though_nobody_measured_beside(tmp_path: Path) -> None:
    table = struck(quiet(n=6, services=ONE), BLOCKED, services=ONE, asns=OURS)
    for curves, answer in ((OutageCurves(), False), (given_curves(tmp_path, curve("RU")), True)):
        (event,) = ours(table, curves)
        assert ("network" in event.ruled_out) is answer


def test_a_long_outage_does_not_become_what_is_usual() -> None:
    values = {hour * 3600: 1.0 if hour < 120 or hour >= 1000 else 0.1 for hour in range(1100)}
    (made,) = make_curves([{("RU", 0): values}]).by_place.values()
    assert {made[hour] for hour in range(120, 1000)} == {0.1}
    assert min(made) == 72
    assert made[1050] == 1.0


HEAD = "time,network,value\n"
ROW = "2025-03-01T00:00:00Z,RU,3\n"


@pytest.mark.parametrize("row", [
    "x,RU,3", "2025-03-01,R,3", "2025-03-01,RU-AS99999999999,3", "2025-03-01,RU,nan", "2025-03-01,RU,inf",
    "2025-03-01,RU,-1", "2025-03-01,RU", "99999999999999,RU,3", "9999-12-31T23:59:59-23:59,RU,3", "0001-01-01,RU,3",
    "2025-03-01,RU,1e400", '"2025-03-01,RU,3', "2025-03-01,<b>,3", "\u0661" * 9 + ",RU,3"])
def test_a_row_that_is_none_is_counted_and_the_rest_is_used(tmp_path: Path, row: str) -> None:
    (tmp_path / "a.csv").write_text(HEAD + ROW + row + "\n")
    read = read_curve_file(tmp_path / "a.csv")
    assert (list(read.curves), read.unread) == ([("RU", 0)], 1)


@pytest.mark.parametrize("raw", [
    b"", b"\xff\xfe", b"{}", b"time,network\n", HEAD.encode(), HEAD.encode() + b"x\n", b"\x00" * 100,
    HEAD.encode() + b'"' + b"x" * 200_000, b"a," * 500_000])
def test_what_is_no_table_of_curves_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(raw)
    with pytest.raises(StoreError):
        read_curve_file(tmp_path / "a.csv")


@pytest.mark.parametrize(("name", "most"), [("MAX_BYTES", 40), ("MAX_ROWS", 2), ("MAX_PLACES", 2)])
def test_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: int) -> None:
    monkeypatch.setattr(curve_files, name, most)
    (tmp_path / "a.csv").write_text(HEAD + "".join(f"2025-03-0{day}T00:00:00Z,{cc},3\n"
                                                   for day, cc in enumerate(("RU", "IR", "TR"), start=1)))
    with pytest.raises(StoreError, match=str(curve_files.MAX_BYTES >> 20) if name == "MAX_BYTES" else str(most)):
        read_curve_file(tmp_path / "a.csv")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(HEAD.encode() + raw)
    try:
        read = read_curve_file(path)
    except StoreError:
        return
    assert read.curves
    make_curves([read.curves])


def test_the_command_takes_curves(tmp_path: Path) -> None:
    table = struck(quiet(n=6), BLOCKED, services=MANY, asns=OURS)
    counts, out = tmp_path / "counts.csv", {}
    pd.DataFrame({"time": table["cell_start"], "network": [f"{cc}-AS{asn}" for cc, asn in zip(
        table["probe_cc"], table["probe_asn"], strict=True)], "target": table["service"], "n": table["n"],
        "failed": table["blocked"]}).to_csv(counts, index=False)
    (tmp_path / "curve.csv").write_text(curve("RU", BLOCKED, 0.1))
    for name, more in (("without", ()), ("with", ("--outages", str(tmp_path / "curve.csv")))):
        done = CliRunner().invoke(analyse, [str(counts), "-o", str(tmp_path / name), "--json", *more])
        assert done.exit_code == 0, done.output
        out[name] = json.loads(done.stdout)
    assert {row["explained_by"] for row in out["with"]["dismissed"]} == {"outage"}
    (event,) = out["with"]["events"]
    assert (event["kind"], event["services_failed"]) == ("network", list(MANY))
    assert "outage" not in {row["explained_by"] for row in out["without"]["dismissed"]}
