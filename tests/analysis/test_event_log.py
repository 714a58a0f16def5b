"""The log of events: append-only, the same for the same data, open about what later data change."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from made_cells import PLACES, SERVICES, at, quiet, struck
from probe_analysis.events.event_detection import detect_events, examine_cells
from probe_analysis.events.event_json import event_to_row, list_rows
from probe_analysis.events.event_log import (
    CHANGES,
    CoveredTime,
    LogRow,
    describe_row,
    list_changes,
    list_current,
    update_log,
)
from probe_analysis.events.series_reading import read_cells

BLOCKED = range(300, 340)
NOW = at(500)


def told(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [event_to_row(event, {}) for event in detect_events(table)]


@pytest.fixture(scope="module")
def story() -> dict[str, list[LogRow]]:
    """What is logged at hour 310 of a block, at its end, and when it turns out that another network had it too."""
    table = struck(quiet(), BLOCKED)
    hour = (table["cell_start"] - at(0)) // timedelta(hours=1)
    begun = update_log([], told(table[hour < 310]), at(310))
    ended = update_log(begun, told(table), at(480))
    late = update_log(begun + ended, told(struck(table, BLOCKED, asns=(64502,))), at(490))
    return {"begun": begun, "ended": ended, "late": late}


def test_an_event_is_told_when_it_begins_ends_and_is_known_better(story: dict[str, list[LogRow]]) -> None:
    assert [row["change"] for part in story.values() for row in part] == ["new", "ended", "revised"]
    assert [row["revision"] for part in story.values() for row in part] == [1, 2, 3]
    assert len({row["event_id"] for part in story.values() for row in part}) == 1


def test_a_rerun_over_the_same_data_adds_nothing(story: dict[str, list[LogRow]]) -> None:
    table = struck(struck(quiet(), BLOCKED), BLOCKED, asns=(64502,))
    log = [row for part in story.values() for row in part]
    assert update_log(log, told(table), NOW) == []


def test_going_on_is_no_news(story: dict[str, list[LogRow]]) -> None:
    table = struck(quiet(), BLOCKED)
    hour = (table["cell_start"] - at(0)) // timedelta(hours=1)
    assert update_log(story["begun"], told(table[hour < 315]), at(315)) == []


def test_ids_do_not_depend_on_what_else_is_found() -> None:
    table = struck(quiet(), BLOCKED)
    alone = detect_events(table)
    beside = detect_events(struck(table, range(100, 150), services=SERVICES[4:5], asns=(64521,)))
    assert {event.event_id for event in alone} < {event.event_id for event in beside}


def test_an_onset_that_moves_keeps_the_id(story: dict[str, list[LogRow]]) -> None:
    rows = update_log(story["begun"], told(struck(quiet(), range(298, 340))), at(480))
    assert [(row["change"], row["event_id"]) for row in rows] == [("ended", story["begun"][0]["event_id"])]
    assert rows[0]["onset"] != story["begun"][0]["onset"]


def test_what_later_data_do_not_bear_out_is_withdrawn_once_and_may_return(story: dict[str, list[LogRow]]) -> None:
    log = story["begun"]
    gone = update_log(log, [], at(320))
    assert [row["change"] for row in gone] == ["withdrawn"]
    assert update_log(log + gone, [], at(330)) == []
    back = update_log(log + gone, told(struck(quiet(), BLOCKED)), at(480))
    assert [(row["change"], row["revision"]) for row in back] == [("revised", 3)]


def test_events_outside_the_cells_stay(story: dict[str, list[LogRow]]) -> None:
    assert update_log(story["begun"], [], NOW, CoveredTime(begin=at(400), end=at(480))) == []
    assert len(update_log(story["begun"], [], NOW, CoveredTime(begin=at(0), end=at(480)))) == 1


def test_rows_can_be_written_as_json_and_read_again(story: dict[str, list[LogRow]]) -> None:
    again = [json.loads(json.dumps(row)) for row in story["begun"]]
    assert update_log(again, told(struck(quiet(), BLOCKED)), at(480)) == story["ended"]


def test_changes_since_a_time(story: dict[str, list[LogRow]]) -> None:
    log = [row for part in story.values() for row in part]
    assert [row["change"] for row in list_changes(log, at(480))] == ["ended", "revised"]
    assert [row["revision"] for row in list_current(log).values()] == [3]


def test_an_alert_says_all_that_matters(story: dict[str, list[LogRow]]) -> None:
    line = describe_row(story["ended"][0])
    for words in ("ended", SERVICES[0], "RU (AS64501)", "tls.drop.sni", "confirmed", "2025-03-13T12:00:00Z", "until"):
        assert words in line
    assert {row["change"] for part in story.values() for row in part} <= set(CHANGES)


def test_what_was_dismissed_is_told_once_with_its_check_and_its_numbers() -> None:
    """A service that fails in every country; then it turns out that only one country had it."""
    everywhere = struck(quiet(), BLOCKED, asns=tuple(asn for _, asn in PLACES))
    rows = update_log([], list_rows(examine_cells(read_cells(everywhere)), {}), NOW)
    assert {(row["kind"], row["explained_by"]) for row in rows} == {("dismissed", "service_or_instrument")}
    numbers: list[Any] = [row["numbers"] for row in rows]
    assert all(each["alike"] >= each["needed"] for each in numbers)
    assert all(row["would_change"] for row in rows)
    again = [json.loads(json.dumps(row)) for row in rows]
    assert update_log(again, list_rows(examine_cells(read_cells(everywhere)), {}), at(501)) == []
    later = update_log(again, list_rows(examine_cells(read_cells(struck(quiet(), BLOCKED))), {}), at(502))
    assert {(row["kind"], row["change"]) for row in later} == {("service", "new"), ("dismissed", "withdrawn")}


def test_what_fails_by_itself_is_told_with_how_often() -> None:
    table = quiet(24 * 40)
    for start in range(20, 24 * 40 - 20, 37):
        table = struck(table, range(start, start + 2), strength=0.7, seed=start)
    rows = update_log([], list_rows(examine_cells(read_cells(table)), {}), NOW)
    (row,) = (row for row in rows if row["kind"] == "flaky")
    numbers: Any = row["numbers"]
    assert numbers["bursts"] > 15
    assert row["networks"] == [{"asn": 64501}]


def test_no_call_gives_two_events_one_name_and_a_rerun_finds_each_again() -> None:
    """Two events of one service and hour; and one that takes the other's place in time."""
    table = struck(quiet(), BLOCKED)
    (row,) = told(table)
    twins = [row, {**row, "networks": [{**row["networks"][0], "asn": 64502}]}]
    log = update_log([], twins, NOW)
    assert [each["change"] for each in log] == ["new", "new"]
    assert len({each["event_id"] for each in log}) == 2
    for _ in range(3):
        assert update_log(log, twins, NOW) == []


def test_what_becomes_part_of_another_says_of_which() -> None:
    table = struck(quiet(), BLOCKED)
    (whole,) = told(table)
    part = {**whole, "event_id": "part", "onset": whole["onset_until"]}
    log = update_log([], [whole, part], NOW)
    (gone,) = update_log(log, [whole], NOW)
    assert (gone["event_id"], gone["change"], gone["part_of"]) == ("part", "withdrawn", whole["event_id"])


def test_a_piece_of_what_was_one_episode_is_part_of_it_and_its_id_stays(story: dict[str, list[LogRow]]) -> None:
    (whole,) = told(struck(quiet(), BLOCKED))
    log = update_log([], [whole], at(480))
    short = {**whole, "end_from": f"{at(310):%Y-%m-%dT%H:%M:%SZ}", "networks": [{**whole["networks"][0], "asn": 64502}]}
    log += update_log(log, [short, whole], at(490))
    assert [(row["change"], row["part_of"]) for row in log] == [("new", ""), ("new", whole["event_id"])]
    assert update_log(log, [short, whole], at(500)) == []


def test_staggered_networks_are_one_episode_that_ends_with_the_last() -> None:
    table = struck(struck(quiet(), range(200, 260)), range(240, 330), asns=(64502,), seed=3)
    (event,) = detect_events(table)
    assert (event.onset, event.end_from, event.ongoing) == (at(200), at(330), False)
    assert [(reach.asn, reach.onset, reach.end_from) for reach in event.networks] == [
        (64501, at(200), at(260)), (64502, at(240), at(330))]
