"""The made-up fleet: its truth, its rows, and how event detection does on it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from in_order import in_order
from made_cells import quiet
from probe.cli.main import cli
from probe_lab.fleet.fleet_cells import cell_table
from probe_lab.fleet.fleet_score import FleetScore, score_fleet, together
from probe_lab.fleet.fleet_truth import FleetBlock, FleetTruth, draw_truth
from probe_lab.fleet.fleet_verdicts import BLOCKED, CONFIRMED, NETWORK, NO_ROW, Fleet
from probe_lab.fleet.fleet_world import FleetSize, draw_world
from probe_lab.fleet.hourly_replay import add_up, replay_hours
from probe_lab.fleet.series_file import SeriesError, read_series, score_series

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SMALL = FleetSize(volunteers=60, networks=8, services=14, days=60)
TINY = FleetSize(volunteers=12, networks=4, services=14, days=24)


@pytest.fixture(scope="module")
def tiny() -> Fleet:
    world = draw_world(5, TINY)
    return Fleet(world, draw_truth(world))


@pytest.fixture(scope="module")
def small() -> FleetScore:
    return together([score_fleet(seed, SMALL, replays=2) for seed in (1, 2)])


@pytest.mark.slow
def test_events_are_found_and_little_else(small: FleetScore) -> None:
    assert small.blocks_long > 25
    assert small.recall is not None
    assert small.recall >= 0.9
    assert small.precision is not None
    assert small.precision >= 0.95
    assert small.onset_error_h is not None
    assert small.onset_error_h <= 1
    assert small.false_a_network_year < 1
    assert small.shutdowns_found >= 1
    assert small.chronic >= 2


@pytest.mark.slow
def test_what_fails_at_times_by_itself_is_no_event(small: FleetScore) -> None:
    assert small.chronic_told == 0


@pytest.mark.slow
def test_hours_are_told_one_after_another() -> None:
    """A full block that many meet is told in its first hours; to whom knows of no block it is a false alarm."""
    world = draw_world(5, FleetSize(volunteers=30, networks=4, services=14, days=20, uptime=0.95, even=True))
    begin = world.hours - 20
    block = FleetBlock(service=3, country=world.countries[0], networks=(0,), begin=begin, stop=world.hours,
                       strength=1.0, by_volunteer=False, daily=None, detected=0.98, block_type=6)
    blocked = Fleet(world, FleetTruth(blocks=(block,), troubles=()))
    table = cell_table(blocked)
    hourly = replay_hours(blocked, table, 1)
    assert [(each.service, each.country) for each in hourly.blocks] == [("service-03", world.countries[0])]
    assert hourly.delay_h == 1  # by the first call after the first measured hour
    assert (hourly.reported, hourly.false_alarms, hourly.withdrawn) == (1, 0, 0)
    assert hourly.country_weeks == pytest.approx(len(set(world.countries)) / 7)
    wrong = replay_hours(Fleet(world, FleetTruth(blocks=(), troubles=())), table, 1)
    assert (wrong.false_alarms, wrong.blocks) == (1, ())
    both = add_up([hourly, wrong])
    assert both.false_a_country_week == pytest.approx(1 / both.country_weeks)


def test_the_same_seed_makes_the_same_fleet(tiny: Fleet) -> None:
    again = draw_world(5, TINY)
    assert draw_truth(again) == tiny.truth
    for number in (0, 17):
        assert np.array_equal(Fleet(again, tiny.truth).day(number).outcomes, tiny.day(number).outcomes)
    assert not np.array_equal(draw_world(6, TINY).present, again.present)


def test_nobody_says_anything_while_away_and_blocks_are_met(tiny: Fleet) -> None:
    days = np.concatenate([day.outcomes for day in tiny.days()], axis=1)
    assert not days[~tiny.world.present].any()
    assert (days[tiny.world.present] != NO_ROW).mean() > 0.9
    for block in tiny.truth.blocks:
        if not block.daily and not block.by_volunteer:
            people = np.isin(tiny.world.home, block.networks)
            said = days[people, block.begin:block.stop, block.service]
            met = np.isin(said, (BLOCKED, CONFIRMED)).sum()
            decided = (said != NO_ROW).sum() - (said == NETWORK).sum()
            assert decided < 20 or met > 0.15 * decided


def test_cells_count_every_verdict_once(tiny: Fleet) -> None:
    table = cell_table(tiny)
    counted = table[["ok", "blocked", "down", "inconclusive", "network", "local"]].to_numpy().sum()
    assert counted == sum(np.count_nonzero(day.outcomes) for day in tiny.days())
    assert (table["confirmed"] <= table["blocked"]).all()
    assert table["lab"].all()
    assert not table.duplicated(["probe_asn", "service", "cell_start"]).any()


def test_rows_are_those_of_the_store(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    from probe.store.files.parquet import arrow_schema
    from probe.store.schema import TABLES

    done = CliRunner().invoke(cli, ["fleet", "simulate", "--rows", "20000", "--out", str(tmp_path), "--json",
                                    "--volunteers", "30", "--services", "14"])
    assert done.exit_code == 0, done.output
    written = json.loads(done.output)
    assert written["verdicts"] >= 20000
    for name in ("verdicts", "services", "runs"):
        files = sorted((tmp_path / "parquet" / name).glob("date=*/*.parquet"))
        parts = [pq.ParquetFile(file).read() for file in files]
        assert sum(part.num_rows for part in parts) == written[name]
        assert parts[0].schema.names == arrow_schema(TABLES[name]).names
        rows = pd.concat([part.to_pandas() for part in parts])
        assert rows["lab"].all()
        assert not rows.duplicated(list(TABLES[name].key)).any()
    assert json.loads((tmp_path / "truth.json").read_text())["blocks"]


def test_a_day_on_which_nobody_measured_has_no_rows(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["fleet", "simulate", "--rows", "100", "--out", str(tmp_path), "--volunteers", "1",
                                    "--networks", "1", "--days", "2"])
    assert done.exit_code == 0, done.output


def test_blocks_are_found_in_the_counts_of_others(tmp_path: Path) -> None:
    cells = quiet(24 * 40, n=3)
    counts = pd.DataFrame({"time": cells["cell_start"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
                           "network": cells["probe_cc"] + "-AS" + cells["probe_asn"].astype(str),
                           "target": cells["service"], "n": cells["n"], "failed": cells["blocked"]})
    bad = pd.DataFrame({"time": ["yesterday", "2025-03-01"], "network": "IR", "target": "=cmd", "n": [1, 2],
                        "failed": [0, 3]})
    path = tmp_path / "counts.csv"
    pd.concat([counts, bad.astype(str)]).to_csv(path, index=False)
    table, step, rejected = read_series(path, NOW)
    assert (step, rejected) == (timedelta(hours=1), 2)
    assert set(table["probe_cc"]) == {"RU", "IR", "TR", "IN"}
    scores = [score_series(table, step, seed, rejected) for seed in (1, 2)]
    assert all(score.recall is None or score.recall >= 0.8 for score in scores)
    assert sum(score.new_false for score in scores) == 0
    done = CliRunner().invoke(cli, ["fleet", "score", "--series", str(path), "--seed", "3", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["by_seed"][0]["rejected"] == 2


def test_daily_counts_have_daily_cells(tmp_path: Path) -> None:
    days = pd.date_range("2025-01-01", periods=200, tz="UTC")
    path = tmp_path / "daily.csv"
    pd.DataFrame({"time": days, "network": "KE", "target": "t", "n": 30, "failed": 0}).to_csv(path, index=False)
    table, step, _ = read_series(path, NOW)
    score = score_series(table, step, 1)
    assert step == timedelta(days=1)
    assert score.long_steps == 3
    assert score.recall in (None, 1.0)


@pytest.mark.parametrize(("text", "words"), [
    ("time,n\n1,2\n", "lacks the columns network, target, failed"),
    ("", "empty"),
    ("time,network,target,n,failed\nnever,KE,b,1,0\n", "no row can be used"),
])
def test_what_holds_no_counts_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "counts.csv"
    path.write_text(text)
    with pytest.raises(SeriesError, match=words):
        read_series(path, NOW)
    done = CliRunner().invoke(cli, ["fleet", "score", "--series", str(path), "--seed", "1"])
    assert done.exit_code == 1
    assert words in done.output


@pytest.mark.slow
@pytest.mark.long
def test_the_score_is_told_as_text_and_json() -> None:
    options = ["fleet", "score", "--seed", "4", "--no-grid", "--volunteers", "30", "--networks", "6", "--services",
               "13", "--days", "30", "--hourly", "1"]
    text, told = CliRunner().invoke(cli, options), CliRunner().invoke(cli, [*options, "--json"])
    assert in_order(text.output, "Recall", "6 h")
    score = json.loads(told.output)
    assert {"recall", "precision", "onset_error_h", "false_a_network_year", "by_seed", "hour_by_hour"} <= set(score)
    assert {"false_a_country_week", "delay_h", "withdrawn"} <= set(score["hour_by_hour"])
