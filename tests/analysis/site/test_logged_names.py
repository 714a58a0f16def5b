"""Events keep their addresses from hour to hour, and rows of a log that are none harm nobody."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_cells import PLACES, SERVICES, at, quiet, struck
from made_site import STORY, dismissed_row, log_row, stamp
from probe_analysis.events.event_detection import detect_events
from probe_analysis.events.event_json import event_to_row
from probe_analysis.events.event_log import LogRow, update_log
from probe_analysis.findings.logged_findings import read_logged_event, read_logged_window
from probe_analysis.site.site_names import name_events, name_file, name_network_file

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(
    inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=6)


@pytest.mark.slow
def test_the_address_of_an_event_stays_while_hours_pass_and_others_come() -> None:
    calm = quiet(24 * 13, places=PLACES[:4], services=SERVICES[:6])
    table = struck(struck(calm, range(280, 312)), range(290, 312), asns=(64511,), services=SERVICES[2:3])
    hours = (table["cell_start"] - at(0)) // timedelta(hours=1)
    log: list[LogRow] = []
    told: list[dict[str, str]] = []
    for hour in (284, 292, 296, 312):
        found = [event_to_row(event, {}) for event in detect_events(table[hours < hour])]
        log += update_log(log, found, at(hour))
        told.append(name_events(log))
    assert told[-1], "the blocks were found"
    for before, after in pairwise(told):
        assert before.items() <= after.items()
    again = name_events(log)
    assert again == told[-1]
    assert all(name.startswith(f"{at(280):%Y-%m-%d}-{PLACES[0][0].lower()}-{SERVICES[0]}") or
               name.startswith(f"{at(290):%Y-%m-%d}-ir-{SERVICES[2]}") for name in again.values())


def test_a_revised_onset_moves_no_address() -> None:
    first = log_row("a")
    moved = {**first, "onset_until": stamp(5), "revision": 2, "change": "revised"}
    assert name_events((first, moved)) == name_events((first,)) == {"a": "2025-03-11-ru-telegram"}


def test_events_of_one_day_are_numbered_in_the_order_of_the_log() -> None:
    rows = [log_row(name) for name in "abc"]
    names = name_events(rows)
    assert list(names.values()) == ["2025-03-11-ru-telegram", "2025-03-11-ru-telegram-2", "2025-03-11-ru-telegram-3"]
    assert name_events(rows[:2]).items() <= names.items()


def test_no_address_tells_an_hour() -> None:
    assert name_events([log_row("a")]) == name_events([{**log_row("a"), "onset_until": stamp(10 * 24 + 17)}])


@settings(max_examples=60)
@given(st.sampled_from(sorted(log_row("a"))), JSON)
def test_a_row_that_is_none_is_refused(field: str, value: Any) -> None:
    for read, row in ((read_logged_event, log_row("a")), (read_logged_window, dismissed_row("a", 1, 5))):
        try:
            read({**row, field: value})
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, IndexError):
            continue
    assert set(name_events([{**log_row("a"), field: value}])) <= {str({**log_row("a"), field: value}["event_id"])}


@given(st.text(max_size=60))
def test_a_files_name_is_safe_and_says_which_it_is(text: str) -> None:
    name = name_file(text)
    assert name.isascii() and name == name.lower() and 0 < len(name) <= 41  # noqa: PT018
    assert not set(name) & set("/\\:.<>|?*\"' ")
    assert name_file(name) == name or name[-8:].isalnum()


@pytest.mark.parametrize(("one", "other"), [("Signal", "signal"), ("a b", "a-b"), ("..", "."), ("nul", "NUL")])
def test_no_two_names_share_a_file(one: str, other: str) -> None:
    assert name_file(one) != name_file(other)
    assert "nul" not in (name_file(one), name_file(other))
    assert name_network_file("RU", 1) != name_network_file("RU", 11)


def test_the_story_is_read_whole() -> None:
    assert len(name_events(STORY)) == 5
