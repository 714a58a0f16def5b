"""From files of OONI's to events: ten days that are well, ten days of a block, by the commands a person gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ooni_data import ADDRESS, HOST, lines, query, told, web
from ooni_fleet import BEGAN, MESSENGERS, STRIKES, Strike, make_days, page_of
from probe.cli.main import cli

Measurements = Iterable[dict[str, Any]]
DAYS = 10
ONSET = f"{BEGAN:%Y-%m}-11"
LIED = {"test_keys": web(queries=[query(HOST, "10.10.34.35")], control=told(ADDRESS), tcp_connect=[], tls_handshakes=[],
                         requests=[], blocking="dns", accessible=False)}


def analyse(folder: Path, measurements: Measurements) -> list[dict[str, Any]]:
    """The events that `probe import` and then `probe analyse` find."""
    pytest.importorskip("duckdb")
    path = folder / "measurements.jsonl"
    path.write_bytes(lines(*sorted(measurements, key=lambda m: str(m["measurement_start_time"]))))
    runner = CliRunner()
    done = runner.invoke(cli, ["import", "ooni", str(path), "--out", str(folder / "out")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    told = runner.invoke(cli, ["analyse", str(folder / "out"), "--out", str(folder / "found")],
                         catch_exceptions=False)
    assert told.exit_code == 0, told.output
    assert (folder / "found" / "cells.parquet").is_file()
    log = folder / "found" / "events.jsonl"  # nothing is written where there is nothing to tell
    rows = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
    return [row for row in rows if row["change"] == "new"]


def well_and_struck(well: dict[str, Any], struck: dict[str, Any], an_hour: int, cc: str = "IR") -> Measurements:
    return chain(make_days(well, days=DAYS, an_hour=an_hour, cc=cc),
                 make_days(struck, since=DAYS, days=DAYS, an_hour=an_hour, cc=cc))


def moved(measurements: Measurements, asn: int) -> Measurements:
    """The same from another network of the country."""
    for one in measurements:
        yield {**one, "probe_asn": f"AS{asn}", "report_id": one["report_id"].replace("64500", str(asn)),
               "measurement_uid": f"{one['measurement_uid']}{asn}"}


def messengers(strike: Strike) -> Measurements:
    return chain.from_iterable(well_and_struck(make(""), make(strike), 1, "TR") for make in MESSENGERS.values())


@pytest.mark.parametrize(("measurements", "services", "layer"), [
    (lambda: well_and_struck(page_of(""), LIED, 1), {"chat.example"}, "dns"),
    pytest.param(lambda: well_and_struck(page_of(""), LIED, 3), {"chat.example"}, "dns",
                 marks=[pytest.mark.slow, pytest.mark.long]),
    pytest.param(lambda: messengers("tls"), {"telegram", "whatsapp", "signal"}, "tls", marks=pytest.mark.slow),
])
def test_a_block_that_content_or_company_shows_is_an_event_of_its_layer(
        tmp_path: Path, measurements: Callable[[], Measurements], services: set[str], layer: str) -> None:
    events = analyse(tmp_path, measurements())
    assert {e["service"] for e in events if e["kind"] == "service"} == services
    together = [set(e["services_blocked"]) for e in events if e["kind"] == "services"]
    assert together == ([services] if len(services) > 1 else [])
    assert {e["mechanism"].split(".")[0] for e in events} == {layer}
    assert all(e["onset"].startswith(ONSET) for e in events)


@pytest.mark.parametrize(("strike", "an_hour", "with_others"), [
    pytest.param("tls", 1, False, marks=pytest.mark.slow),
    *(pytest.param(strike, an_hour, others, marks=[pytest.mark.slow, pytest.mark.long]) for strike in STRIKES
      for an_hour in (1, 3) for others in (False, True)
      if (strike, an_hour, others) != ("tls", 1, False)),
])
def test_a_network_that_fails_alone_is_an_event_of_its_layer_that_accuses_nobody(
        tmp_path: Path, strike: Strike, an_hour: int, with_others: bool) -> None:
    """Nothing shows that the site does not refuse the network, whether other networks are served or not measured."""
    alone = well_and_struck(page_of(""), page_of(strike), an_hour)
    well = (moved(make_days(page_of(""), days=2 * DAYS, an_hour=an_hour), asn) for asn in (64501, 64502))
    (event,) = analyse(tmp_path, chain(alone, *well) if with_others else alone)
    assert (event["service"], event["ground"]) == ("chat.example", "failures")
    assert event["status"] == "unplaced"
    assert event["mechanism"].split(".")[0] == strike
    assert event["onset"].startswith(ONSET)
    assert [reach["asn"] for reach in event["networks"]] == [64500]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("strike", [
    STRIKES[0], *(pytest.param(strike, marks=pytest.mark.long) for strike in STRIKES[1:])])
def test_messengers_that_fail_are_events_of_their_layer(tmp_path: Path, strike: Strike) -> None:
    found = {row["service"]: row["mechanism"].split(".")[0] for row in analyse(tmp_path, messengers(strike))
             if row["kind"] == "service"}
    assert found == dict.fromkeys(["telegram"] if strike == "http" else ["telegram", "whatsapp", "signal"], strike)


@pytest.mark.parametrize("an_hour", [1, pytest.param(3, marks=[pytest.mark.slow, pytest.mark.long])])
@pytest.mark.parametrize("strike", [
    "", *(pytest.param(one, marks=[pytest.mark.slow, pytest.mark.long]) for one in STRIKES)])
def test_what_is_well_or_fails_for_the_helper_alike_is_no_event(tmp_path: Path, strike: Strike, an_hour: int) -> None:
    assert analyse(tmp_path, well_and_struck(page_of(""), page_of(strike, helper=False), an_hour)) == []


@pytest.mark.long
@pytest.mark.slow
def test_messengers_that_are_well_are_no_event(tmp_path: Path) -> None:
    assert analyse(tmp_path, messengers("")) == []
