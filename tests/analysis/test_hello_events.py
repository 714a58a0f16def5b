"""Events and the volunteers' own ClientHellos: a change of these is told, and hides no block."""

from __future__ import annotations

import pandas as pd
import pytest

from hello_cells_made import LARGE, OTHER, SMALL, Strike, Volunteers, make_cells, untold
from probe_analysis.events.event import Event
from probe_analysis.events.event_detection import detect_events, examine_cells
from probe_analysis.events.event_json import event_to_json, event_to_row
from probe_analysis.events.event_log import describe_row
from probe_analysis.events.series_reading import read_cells
from probe_analysis.tables.event_checks import CHANGES_MIND

BLOCK = Strike(hours=range(300, 340))
LASTING = Strike(hours=range(300, 480))
OLD = Volunteers(count=4, shapes={0: SMALL})


def changed(count: int, hour: int = 300, to: str = LARGE) -> Volunteers:
    return Volunteers(count=count, shapes={0: SMALL, hour: to})


def only_for(strike: Strike, *shapes: str) -> Strike:
    return Strike(hours=strike.hours, strength=strike.strength, shapes=frozenset(shapes))


def one(table: pd.DataFrame) -> Event:
    events = detect_events(table)
    assert len(events) == 1, events
    return events[0]


FOUND: list[tuple[str, list[Volunteers], Strike]] = [
    ("nobody changed", [OLD], BLOCK),
    ("half changed in the hour of the onset", [changed(4), OLD], BLOCK),
    ("all but one of eight changed in it", [changed(7), Volunteers(count=1, shapes={0: SMALL})], BLOCK),
    ("all changed a day before", [changed(4, hour=276)], BLOCK),
    ("all changed a day after", [changed(4, hour=324)], BLOCK),
    ("one tried the new hello for a day, then all changed",
     [Volunteers(count=1, shapes={0: SMALL, 270: LARGE}), changed(4)], BLOCK),
    ("half changed, and the block is a partial one", [changed(10), Volunteers(count=10, shapes={0: SMALL})],
     Strike(hours=range(300, 380), strength=0.4)),
    ("it goes on", [changed(4), OLD], LASTING),
    ("somebody with a third hello joins", [Volunteers(count=1, shapes={300: OTHER}), OLD], BLOCK),
]


@pytest.mark.parametrize(("volunteers", "strike"), [case[1:] for case in FOUND], ids=[case[0] for case in FOUND])
def test_a_block_that_strikes_hellos_from_before_is_found(volunteers: list[Volunteers], strike: Strike) -> None:
    event = one(make_cells(volunteers, [strike]))
    assert (event.status, "own_hello" in event.ruled_out, event.own_hello.struck) == ("confirmed", True, ())


DOUBTED: list[tuple[str, list[Volunteers], Strike]] = [
    ("all changed in the hour of the onset", [changed(4)], BLOCK),
    ("all changed in it, and it goes on", [changed(4)], LASTING),
    ("all but JA4 is the same", [changed(4, to=OTHER)], BLOCK),
    ("half changed, and they alone fail", [changed(4), OLD], only_for(LASTING, LARGE)),
    ("one after the other changed, each fails from then on",
     [changed(1, hour=300 + hour) for hour in (0, 1, 2, 3)], only_for(LASTING, LARGE)),
]


@pytest.mark.parametrize(("volunteers", "strike"), [case[1:] for case in DOUBTED], ids=[case[0] for case in DOUBTED])
def test_what_began_with_new_hellos_is_suspected_and_says_so(volunteers: list[Volunteers], strike: Strike) -> None:
    event = one(make_cells(volunteers, [strike]))
    assert (event.status, "own_hello" in event.not_ruled_out) == ("suspected", True)
    told = event_to_json(event, {})["own_hello"]
    assert told["new"]
    assert set(told["new"]) <= {LARGE, OTHER}
    assert told["numbers"]["failed_of_new_hellos"] > 10 * told["numbers"]["failed_of_hellos_from_before"]
    assert told["would_change"] == CHANGES_MIND["own_hello"]
    row = event_to_row(event, {})
    assert row["own_hello"] == told
    assert told["new"][0] in describe_row({**row, "change": "new"})


def test_a_box_that_strikes_new_hellos_is_told_as_of_these() -> None:
    event = one(make_cells([changed(4), OLD], [only_for(LASTING, LARGE)]))
    assert (event.own_hello.struck, event.own_hello.spared) == ((LARGE,), (SMALL,))
    assert f"only hellos of {LARGE}" in describe_row({**event_to_row(event, {}), "change": "new"})


def test_a_box_that_begins_to_strike_hellos_that_passed_before_is_no_doubt() -> None:
    mixed = [OLD, Volunteers(count=4, shapes={0: LARGE})]
    event = one(make_cells(mixed, [only_for(BLOCK, LARGE)]))
    assert (event.status, event.own_hello.struck, event.own_hello.spared) == ("confirmed", (LARGE,), (SMALL,))
    assert "own_hello" in event.ruled_out
    alike = one(make_cells(mixed, [Strike(hours=BLOCK.hours, strength=0.5)]))
    assert (alike.status, alike.own_hello.spared) == ("confirmed", ())


def test_failures_that_were_left_open_are_asked_about_as_well() -> None:
    alone = one(make_cells([changed(4)], [LASTING], left_open=True))
    assert (alone.ground, alone.status, "own_hello" in alone.not_ruled_out) == ("failures", "suspected", True)
    both = one(make_cells([changed(4), OLD], [LASTING], left_open=True))
    assert (both.ground, both.status, "own_hello" in both.not_ruled_out) == ("failures", "unplaced", False)


def test_programs_that_tell_no_hello_are_as_they_were() -> None:
    table = make_cells([OLD], [BLOCK])
    event = one(untold(table))
    assert (event.status, "own_hello" in event.not_ruled_out, event.own_hello.numbers) == ("confirmed", True, {})
    # A program that begins to tell is no change of its hello.
    begun = one(make_cells([Volunteers(count=4, shapes={300: LARGE})], [BLOCK]))
    assert begun.status == "confirmed"


def test_a_change_of_hellos_in_which_nothing_fails_is_nothing() -> None:
    assert detect_events(make_cells([changed(4)], [])) == []


def test_a_new_library_that_fails_everywhere_is_the_instrument() -> None:
    asns = (64501, 64502, 64511, 64521, 64531)
    volunteers = [Volunteers(count=4, shapes={0: SMALL, 300: LARGE}, asn=asn) for asn in asns]
    found = examine_cells(read_cells(make_cells(volunteers, [Strike(hours=LASTING.hours, asns=asns)])))
    assert found.events == ()
    assert {each.explained_by for each in found.dismissed} == {"service_or_instrument"}


@pytest.mark.parametrize("text", [
    "x", "t13_85036bcba153_d41ae481755e_huge", f"{LARGE}=1/1", f"{LARGE}=-1/0/0", "\u202e" + LARGE, f"{LARGE}\n",
    f"{LARGE}={'9' * 99}/1/1", "<script>=1/1/1",
])
def test_words_that_no_counting_writes_tell_nothing(text: str) -> None:
    table = make_cells([OLD], [BLOCK]).assign(hellos=text, struck_hellos=text)
    event = one(table)
    assert event.status == "confirmed"
    assert event_to_json(event, {})["own_hello"] is None
