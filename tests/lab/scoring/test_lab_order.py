"""The order in which the trials of a score begin."""

from __future__ import annotations

import pytest

from probe_lab.scoring.trial_order import Queue


def test_every_scenario_is_begun_once_and_then_the_longest_come_first() -> None:
    waiting = Queue(["short", "short", "long", "long", "middle", "middle"])
    first = [waiting.take() for _ in range(3)]
    assert first == [0, 2, 4]
    for index, wall_s in zip(first, (1.0, 90.0, 30.0), strict=True):
        waiting.tell(index, wall_s)
    assert [waiting.take() for _ in range(3)] == [3, 5, 1]


def test_what_has_not_ended_yet_waits_behind_what_is_known_to_take_long() -> None:
    waiting = Queue(["unknown", "known", "unknown", "known"])
    assert (waiting.take(), waiting.take()) == (0, 1)
    waiting.tell(1, 5.0)
    assert (waiting.take(), waiting.take()) == (3, 2)


def test_a_scenario_takes_as_long_as_its_longest_trial() -> None:
    waiting = Queue(["a", "b", "a", "b", "a"])
    for index, wall_s in ((waiting.take(), 9.0), (waiting.take(), 5.0)):
        waiting.tell(index, wall_s)
    waiting.tell(waiting.take(), 1.0)
    assert waiting.take() == 4


def test_nothing_is_taken_twice() -> None:
    waiting = Queue(["a"])
    assert waiting.take() == 0
    with pytest.raises(ValueError):  # noqa: PT011 - of `max`
        waiting.take()
