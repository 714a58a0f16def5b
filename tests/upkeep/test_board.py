"""The board: what hours and messengers are shown as, and that no line is wider than the terminal."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.core.runs import Run, RunResult, Vantage
from probe.core.stamps import format_time
from probe.core.tables.outcomes import NOT_ATTEMPTED, Outcome
from probe.core.tables.service_answers import Answer
from probe.core.verdicts import ServiceVerdict
from probe.store.runs.run_writer import write_run
from probe.upkeep.commands.run_progress import Phase, RunProgress
from probe.upkeep.status.board_reading import read_board
from probe.upkeep.status.board_text import SIGNS, describe_board
from probe.upkeep.status.status_board import HOURS, make_board

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
SIGNAL = "signal"


def run_at(hours_ago: float, outcome: Outcome, k: int = 0) -> tuple[str, list[ServiceVerdict]]:
    return (format_time(NOW - timedelta(hours=hours_ago)),
            [ServiceVerdict(service=SIGNAL, role="chat", outcome=outcome, k=k, n=1),
             ServiceVerdict(service="control", role="control", outcome="blocked", k=1, n=1)])


def test_a_block_shows_where_it_began_and_since_when_it_is_so() -> None:
    runs = [run_at(30, "ok"), run_at(3.5, "ok"), run_at(2.5, "blocked", 1), run_at(2.2, "ok"),
            run_at(1.5, "blocked", 1), run_at(0.5, "blocked", 1), ("no time", [])]
    (row,) = make_board(runs, {SIGNAL: "Signal"}, now=NOW)
    assert row.hours[-4:] == ("works", "blocked", "blocked", "blocked")
    assert set(row.hours[:-4]) == {""}
    assert (row.now, row.changed, row.same_since_first) == ("blocked", format_time(NOW - timedelta(hours=1.5)), False)


@pytest.mark.parametrize("hours_ago", [0.0, 0.01, 0.99])
def test_a_run_of_this_very_moment_is_in_the_last_hour(hours_ago: float) -> None:
    (row,) = make_board([run_at(hours_ago, "blocked", 1)], {}, now=NOW)
    assert row.hours[-1] == "blocked"


@pytest.mark.parametrize("hours_ago", [24.01, 24.5, 24.99, 25.5, -0.5])
def test_a_run_before_the_first_hour_or_to_come_is_in_no_hour(hours_ago: float) -> None:
    (row,) = make_board([run_at(hours_ago, "blocked", 1)], {}, now=NOW)
    assert set(row.hours) == {""}


@pytest.mark.parametrize("lab", [False, True])
def test_a_board_is_of_the_laboratory_or_of_the_world(tmp_path: Path, lab: bool) -> None:
    for number, of_lab in enumerate((False, True, False, True)):
        start, rows = run_at(number + 1, "blocked" if of_lab else "ok", int(of_lab))
        run = Run(run_id=f"r{number}", measurement_start_time=start, measurement_end_time=start,
                  vantage=Vantage(lab=of_lab))
        write_run(RunResult(run=run, observations=(), controls=(), verdicts=(), services=tuple(rows)), tmp_path,
                  parquet=False)
    (row,) = read_board(tmp_path, now=NOW, lab=lab)
    assert set(row.hours) == {"", "blocked" if lab else "works"}


@pytest.mark.parametrize(("outcome", "k", "word"), [
    ("ok", 0, "works"), ("ok", 1, "partly"), ("inconclusive", 0, "fails"), ("down", 0, "fails"),
    ("local", 0, "unknown"), ("network", 0, "unknown"), (NOT_ATTEMPTED, 0, "not_tested"),
])
def test_a_row_from_before_there_was_a_word_says_no_more_than_its_outcome(outcome: Outcome, k: int,
                                                                         word: Answer) -> None:
    (row,) = make_board([run_at(1, outcome, k)], {}, now=NOW)
    assert (row.now, row.same_since_first) == (word, True)


@given(st.integers(1, 200), st.booleans(), st.integers(0, 3))
def test_no_line_is_wider_than_the_terminal(columns: int, colour: bool, rows: int) -> None:
    board = make_board([run_at(1, "blocked", 1)], {SIGNAL: "Sig\x1b[2J" + "n" * 40}, now=NOW) * 2
    lines = list(describe_board(board, columns=columns, colour=colour, rows=rows))
    plain = [re.sub(r"\x1b\[\d+m", "", line) for line in lines]
    assert all(len(line) <= columns for line in plain)
    assert (plain == lines) is not colour
    assert "\x1b[2J" not in "".join(lines)


def test_a_sign_tells_every_state_without_colour() -> None:
    assert len(set(SIGNS.values())) == len(SIGNS)
    (row,) = make_board([run_at(1, "blocked", 1)], {}, now=NOW)
    assert SIGNS["blocked"] in list(describe_board([row], columns=80, colour=False))[1][20:20 + HOURS + 1]


@pytest.mark.parametrize(("done", "total", "elapsed_s", "phase", "left_s"), [
    (0, 0, 2.0, "network", 58.0), (3, 100, 9.0, "sites", 51.0), (97, 100, 30.0, "last", 30.0),
    (100, 100, 40.0, "compare", 20.0), (100, 100, 70.0, "judge", 0.0), (41, 100, 59.5, "judge", 0.5),
])
def test_progress_says_what_is_done_and_what_time_is_left(done: int, total: int, elapsed_s: float, phase: Phase,
                                                          left_s: float) -> None:
    progress = RunProgress(done=done, total=total, elapsed_s=elapsed_s, deadline_s=60.0)
    assert (progress.phase, progress.left_s) == (phase, left_s)
    assert all(len(progress.describe(columns)) < max(columns, 1) for columns in (1, 20, 80))
