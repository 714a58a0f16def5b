"""What many runs say together, and which targets the next one watches."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from probe.core.runs import Run, RunResult, Vantage
from probe.core.verdicts import Verdict
from probe.judge.verdicts.share_series import MOST_RUNS, MOST_WATCHED
from probe.store.runs.run_writer import write_run
from probe.upkeep.commands.earlier_series import WATCH_RUNS, read_series, read_watched
from probe.upkeep.commands.run_summary import describe_run
from probe.upkeep.schedules.schedule_log import get_now

RESULTS, HOME = Path("results"), Vantage(probe_cc="TR", geo_cc="TR")


def counted(target: str, failed: int, beside: int = 0, *, made: int = 3, of: int = 1) -> Verdict:
    return Verdict(target_id=target, service=target.partition(".")[0], role="chat", input=target, outcome="ok",
                   intermittent=f"{failed}/{made}", troubled=f"{failed}/{made}", troubled_beside=f"{beside}/{of}")


def result_of(run_id: str, moment: datetime, *verdicts: Verdict, vantage: Vantage = HOME) -> RunResult:
    stamp = moment.isoformat()
    run = Run(run_id=run_id, measurement_start_time=stamp, measurement_end_time=stamp, vantage=vantage)
    return RunResult(run=run, observations=(), controls=(), verdicts=verdicts, services=())


def ran(run_id: str, moment: datetime, *verdicts: Verdict, vantage: Vantage = HOME) -> None:
    write_run(result_of(run_id, moment, *verdicts, vantage=vantage), RESULTS, parquet=False)


def test_a_target_that_fails_at_times_is_told_by_all_runs_together(in_folder: Path) -> None:
    moment = get_now()
    for n in range(1, MOST_RUNS + 5):
        ran(f"r{n}", moment - timedelta(hours=n), counted("struck", n % 2 + 1), counted("broken", 1, n % 2),
            counted("well", 1))
    ran("away", moment - timedelta(hours=1), counted("struck", 3, 1), vantage=Vantage(probe_cc="DE", geo_cc="DE"))
    now = result_of("now", moment, counted("struck", 1), counted("broken", 1), counted("well", 0), counted("new", 1))
    found = read_series(RESULTS, now)
    assert {target: (series.word, series.runs) for target, series in found.items()} == {
        "struck": ("by_name", MOST_RUNS), "broken": ("at_times", MOST_RUNS), "new": ("at_times", 1)}
    said = [line.split()[0] for line in describe_run(now, found) if line.startswith("  ") and " runs " in line]
    assert said == ["struck", "broken"], "one run is no series"


def test_what_is_measured_once_a_day_has_a_series_as_well(in_folder: Path) -> None:
    moment = get_now()
    for n in range(1, 12):
        ran(f"r{n}", moment - timedelta(days=n), counted("daily", 2))
        ran(f"s{n}", moment - timedelta(days=n, hours=1), counted("core", 0))
    assert read_series(RESULTS, result_of("now", moment, counted("daily", 2)))["daily"].word == "by_name"


def test_a_services_targets_are_told_together(in_folder: Path) -> None:
    """Each of them has one connection a run, six of twenty fail, and that is too few alone."""
    moment = get_now()
    runs = [[counted(f"a.{k}", int((7 * n + 3 * k) % 20 < 6), made=1) for k in range(3)] for n in range(MOST_RUNS)]
    for n, verdicts in enumerate(runs[1:], 1):
        ran(f"r{n}", moment - timedelta(hours=n), *verdicts)
    found = read_series(RESULTS, result_of("now", moment, *runs[0]))
    assert {name: series.word for name, series in found.items()} == {
        "a.0": "at_times", "a.1": "at_times", "all of a": "by_name"}
    assert found["all of a"].beside == MOST_RUNS, "they may share the innocent connection"


def test_rows_that_nobody_counted_say_nothing(in_folder: Path) -> None:
    moment = get_now()
    bare = Verdict(target_id="x", service="x", role="chat", input="x", outcome="ok")
    ran("old", moment - timedelta(hours=1), bare)
    assert read_series(RESULTS, result_of("now", moment, bare)) == {}
    assert read_series(Path("nowhere"), result_of("now", moment, counted("x", 1)))["x"].runs == 1
    assert read_watched(RESULTS, before=moment, here=HOME) == frozenset()
    assert read_watched(Path("nowhere"), before=moment, here=HOME) == frozenset()


@pytest.mark.parametrize(("verdict", "watched"), [
    (counted("a", 1), True), (counted("a", 0, 1), True), (counted("a", 0), False), (counted("a", 3, 1), False),
    (replace(counted("a", 1), outcome="blocked"), False),
], ids=["own", "an innocent name", "nothing", "all", "it never worked"])
def test_what_is_in_trouble_at_times_is_watched_whoever_is_named(in_folder: Path, verdict: Verdict, watched: bool,
                                                                 ) -> None:
    moment = get_now()
    ran("r1", moment - timedelta(hours=2), verdict)
    assert (read_watched(RESULTS, before=moment, here=HOME) == {"a"}) == watched


def test_few_are_watched_and_not_for_long(in_folder: Path) -> None:
    moment = get_now()
    ran("r0", moment - timedelta(hours=WATCH_RUNS + 1), counted("gone", 2))
    for n in range(1, WATCH_RUNS + 1):
        ran(f"r{n}", moment - timedelta(hours=n), *(counted(f"t{k}", int(k >= n)) for k in range(20)))
    watched = read_watched(RESULTS, before=moment, here=HOME)
    assert len(watched) == MOST_WATCHED
    assert watched < {f"t{k}" for k in range(8, 20)}
