"""When a block began and ended, by rows of verdicts."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from probe_lab.change_points import find_changes


def verdict(hour: int, mark: str, target: str = "t") -> Mapping[str, str]:
    """The verdict of one run: `o` ok, `r` blocked by a reset, `d` by lost packets, anything else undecided."""
    outcome, cause = {"o": ("ok", ""), "r": ("blocked", "tls.reset"), "d": ("blocked", "ip.blackhole")}.get(
        mark, ("inconclusive", ""))
    return {"measurement_start_time": f"2017-05-01T{hour:02}:00:00Z", "target_id": target, "outcome": outcome,
            "block_type": cause}


@pytest.mark.parametrize(("marks", "expected"), [
    ("oorr", [("onset", 1, 2, "tls.reset")]),
    ("rroo", [("end", 1, 2, "tls.reset")]),
    ("oo-rr", [("onset", 1, 3, "tls.reset")]),
    ("ooroo", []),
    ("oordrdd", [("onset", 1, 2, "ip.blackhole")]),
    ("oorrorroo", [("onset", 1, 2, "tls.reset"), ("end", 6, 7, "tls.reset")]),
    ("oor", []),
    ("----", []),
])
def test_a_change_lies_between_two_states_that_are_believed(marks: str, expected: list[tuple[object, ...]]) -> None:
    rows = [verdict(hour, mark) for hour, mark in enumerate(marks)]
    found = find_changes(reversed(rows))
    assert [(c.kind, c.earliest.hour, c.latest.hour, c.block_type) for c in found] == expected


def test_targets_are_apart() -> None:
    rows = [verdict(hour, mark, target) for target, marks in (("a", "orro"), ("b", "oorr"))
            for hour, mark in enumerate(marks)]
    assert [(c.target_id, c.kind) for c in find_changes(rows)] == [("b", "onset")]
