"""Probabilities of events keep their word on made-up fleets, and follow what they are said to follow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe_analysis.events.event_detection import examine_cells
from probe_analysis.events.probability import DOUBT, OPEN, OTHER, estimate_probability
from probe_analysis.events.series_reading import read_cells
from probe_analysis.tables.event_checks import EventCheck
from probe_lab.fleet.event_matching import hour, match_events
from probe_lab.fleet.fleet_cells import cell_table
from probe_lab.fleet.fleet_truth import draw_truth
from probe_lab.fleet.fleet_verdicts import Fleet
from probe_lab.fleet.fleet_world import FleetSize, draw_world

CUTS_H = (700, 1439)
"""Hours at which a fleet of sixty days is looked at: what is suspected in haste is judged as well."""


def told_and_true(seed: int) -> list[tuple[float, bool]]:
    """Probability of each event of a fleet, and whether it tells of a block."""
    world = draw_world(seed, FleetSize(volunteers=60, networks=12, services=14, days=60, hard=seed % 2 == 0))
    fleet = Fleet(world, draw_truth(world, (8, 14)))
    table = cell_table(fleet)
    made = []
    for cut in CUTS_H:
        events = examine_cells(read_cells(table[table["cell_start"] <= hour(cut)])).events
        false = {id(event) for event in match_events(fleet, events).false}
        made += [(event.probability, id(event) not in false) for event in events if event.kind == "service"]
    return made


@pytest.mark.slow
def test_probabilities_keep_their_word() -> None:
    """The share of true events is what was said, within three standard deviations of as many draws."""
    pairs = [pair for seed in range(300, 310) for pair in told_and_true(seed)]
    said, true = (np.array(part, dtype=np.float64) for part in zip(*pairs, strict=True))
    assert len(said) > 100
    for sure in (said < 0.5, said >= 0.5):
        spread = float(np.sqrt((said[sure] * (1 - said[sure])).sum()))
        assert abs(said[sure].sum() - true[sure].sum()) <= 3 * spread + 1


WORDS = st.sets(st.sampled_from(sorted(OPEN)))


@given(st.floats(0, 500), st.floats(1, 1e7), WORDS, WORDS)
def test_every_question_left_open_makes_an_event_less_probable(
    score: float, looks: float, unasked: set[EventCheck], doubts: set[EventCheck]
) -> None:
    value = estimate_probability(score, looks, unasked, doubts)
    assert 0 <= value <= estimate_probability(score, looks, (), ()) <= 1 - OTHER
    assert value <= estimate_probability(score + 10, looks, unasked, doubts) + 0.001


def test_haste_is_worth_next_to_nothing_and_a_sure_window_nearly_all() -> None:
    looks = 50 * 8766.0
    assert estimate_probability(8, looks, (), ()) < 0.01
    assert estimate_probability(40, looks, (), ()) == pytest.approx(1 - OTHER)
    assert estimate_probability(40, looks, ("one_device",), ()) == pytest.approx((1 - OTHER) * (1 - OPEN["one_device"]),
                                                                                abs=0.001)
    assert estimate_probability(40, looks, (), ("version",)) == pytest.approx((1 - OTHER) * (1 - DOUBT), abs=0.001)
