"""Blocks that strike a share of connections, over series of runs: found by name, and told from broken servers."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest

from observations import endpoint
from probe.judge.verdicts.confidence import OF_DOUBTFUL
from probe.judge.verdicts.rule_verdict import make_bare_verdict
from probe.judge.verdicts.share_series import (
    BY_CHANCE,
    MOST_OF_A_TARGET,
    RunShare,
    SeriesWord,
    choose_watched,
    describe_series,
    find_chance,
    judge_series,
    pool_shares,
    read_run_share,
)
from probe.session.planning.planned_attempts import WATCHED_OWN

RUNS, SERIES = 20, 400
PLANNED, BESIDE = 3, 1
"""Connections of a timed run to a core target's address, and innocent ones there."""


def share(troubled: int, beside_troubled: int, *, made: int = PLANNED, beside: int = BESIDE,
          failed: int | None = None) -> RunShare:
    return RunShare(made=made, failed=troubled if failed is None else failed, troubled=troubled, beside=beside,
                    beside_troubled=beside_troubled)


@pytest.mark.parametrize(("shares", "word"), [
    ([], "too_few"),
    ([share(0, 0)] * 3, "too_few"),
    ([share(0, 0)] * RUNS, "steady"),
    ([share(1, 0)] * RUNS, "by_name"),
    ([share(1, 0, failed=0)] * RUNS, "by_name"),
    ([share(1, 1)] * RUNS, "at_times"),
    ([share(1, 0, beside=0)] * RUNS, "at_times"),
    ([share(3, 0)] * 3 + [share(0, 0)] * 17, "at_times"),
    ([share(3, 1)] * 5 + [share(0, 0)] * 15, "at_times"),
    ([share(1, 1, failed=0)] * RUNS, "steady"),
    ([share(1, 0)] * 2, "at_times"),
], ids=["nothing", "three runs", "it works", "a third by name", "loss by name", "a third of all", "nothing to compare",
        "three bad moments", "evenings on which all fails", "a lossy line", "two runs"])
def test_a_series_tells_names_from_servers(shares: list[RunShare], word: SeriesWord) -> None:
    found = judge_series(shares)
    assert found.word == word
    assert (found.most_sure == OF_DOUBTFUL) == bool(describe_series(found)) == (word in ("at_times", "by_name"))


@pytest.mark.parametrize("counts", [{"intermittent": "1/1999"}, {"intermittent": "1/3", "troubled_beside": "1/1999"},
                                    {"intermittent": "1/3", "troubled_beside": "9" * 5000 + "/" + "9" * 5000}])
def test_a_stored_row_with_more_than_any_run_makes_tells_nothing_of_it(counts: dict[str, str]) -> None:
    told = read_run_share(replace(make_bare_verdict(endpoint(), "ok"), troubled="1/3", **counts))  # type: ignore[arg-type]
    assert max(told.made, told.beside) <= MOST_OF_A_TARGET
    judge_series([told] * RUNS)


def draw_series(rng: random.Random, own: Callable[[], float], beside: Callable[[], float], *, made: int = PLANNED,
                ) -> list[RunShare]:
    """Runs in which each connection is struck with a chance that is drawn for the run."""
    series = []
    for _ in range(RUNS):
        chance, chance_beside = own(), beside()
        series.append(share(sum(rng.random() < chance for _ in range(made)),
                            sum(rng.random() < chance_beside for _ in range(BESIDE)), made=made))
    return series


@pytest.mark.parametrize(("own", "beside"), [(0.35, 0.0), (0.4, 0.01), (0.5, 0.02)])
def test_a_share_that_is_struck_by_name_is_found_in_nine_series_of_ten(own: float, beside: float) -> None:
    rng = random.Random(35)
    found = sum(judge_series(draw_series(rng, lambda: own, lambda: beside)).word == "by_name" for _ in range(SERIES))
    assert found >= 0.9 * SERIES


def draw_watched(rng: random.Random, own: float, beside: float, *, made: int) -> list[RunShare]:
    """Runs that make more connections once some were in trouble, whoever was named."""
    series: list[RunShare] = []
    for _ in range(RUNS):
        watched = bool(choose_watched({"a": series[-8:]}))
        n, m = (WATCHED_OWN, 2) if watched else (made, BESIDE)
        series.append(share(sum(rng.random() < own for _ in range(n)), sum(rng.random() < beside for _ in range(m)),
                            made=n, beside=m))
    return series


@pytest.mark.parametrize("made", [1, 2, 3])
@pytest.mark.parametrize("beside", [0.0, 0.02])
def test_a_share_of_a_third_is_found_however_few_connections_a_run_begins_with(made: int, beside: float) -> None:
    rng = random.Random(f"{made} {beside}")
    found = sum(judge_series(draw_watched(rng, 0.35, beside, made=made)).word == "by_name" for _ in range(SERIES))
    assert found >= 0.9 * SERIES


@pytest.mark.parametrize(("made", "chance"), list(product((1, 2, 3), (0.1, 0.35, 0.6))))
def test_a_broken_server_that_is_watched_is_no_block(made: int, chance: float) -> None:
    rng = random.Random(f"watched {made} {chance}")
    found = sum(judge_series(draw_watched(rng, chance, chance, made=made)).word == "by_name" for _ in range(SERIES))
    assert found <= BY_CHANCE * SERIES


@pytest.mark.parametrize("struck", [0, 1, 2])
def test_of_a_services_targets_one_broken_server_accuses_nobody(struck: int) -> None:
    rng = random.Random(struck)
    found = 0
    for _ in range(SERIES):
        runs = []
        for _ in range(RUNS):
            failed = [[rng.random() < (0.35 if k == struck else 0.01) for _ in range(2)] for k in range(3)]
            runs.append(pool_shares([share(int(own), int(beside), made=1) for own, beside in failed]))
        found += judge_series(runs).word == "by_name"
    assert found <= BY_CHANCE * SERIES


@pytest.mark.parametrize(("made", "chance"), list(product((1, 2, 3), (0.02, 0.1, 1 / 3, 0.6))))
def test_a_broken_server_of_several_is_no_block_and_never_surely_well(made: int, chance: float) -> None:
    rng = random.Random(f"{made} {chance}")
    found = [judge_series(draw_series(rng, lambda: chance, lambda: chance, made=made)) for _ in range(SERIES)]
    assert sum(series.word == "by_name" for series in found) <= BY_CHANCE * SERIES
    assert all(series.most_sure == OF_DOUBTFUL for series in found if series.failed)


def test_a_line_that_is_bad_in_some_runs_is_no_block() -> None:
    rng = random.Random(7)

    def of_a_run() -> float:
        return rng.choice((0.0, 0.0, 0.9))

    found = 0
    for _ in range(SERIES):
        bad = [of_a_run() for _ in range(RUNS)]
        own, beside = iter(bad), iter(bad)
        found += judge_series(draw_series(rng, own.__next__, beside.__next__)).word == "by_name"
    assert found <= BY_CHANCE * SERIES


def test_the_chance_is_that_of_one_draw_for_each_run() -> None:
    assert find_chance([share(1, 0)]) == pytest.approx(3 / 4)
    assert find_chance([share(1, 0), share(2, 0)]) == pytest.approx(3 / 4 * 1 / 2)
    assert find_chance([share(0, 1)]) == pytest.approx(1.0)
    assert find_chance([]) == 1.0


@pytest.mark.parametrize(("words", "expected"), [
    (("1/3", "2/3", "0/1"), RunShare(made=3, failed=1, troubled=2, beside=1)),
    (("", "", ""), RunShare(made=0)),
    (("9/3", "x/3", "7/2"), RunShare(made=3, failed=3, beside=2, beside_troubled=2)),
], ids=["counted", "an older row", "no count"])
def test_a_stored_row_is_read_as_it_may_be(words: tuple[str, str, str], expected: RunShare) -> None:
    failed, troubled, beside = words
    row = replace(make_bare_verdict(endpoint(), "ok"), intermittent=failed, troubled=troubled, troubled_beside=beside)
    assert read_run_share(row) == expected
