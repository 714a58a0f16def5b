"""Scheduled runs across the beginning and the end of a block: one world with the censor and one without, dates shifted.

Only the dates on the results are shifted; every connection is real and takes its own time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from probe.catalogue.types import Catalogue
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import load_scenario
from probe_lab.laboratory import Laboratory, make_probe_command
from probe_lab.scoring.trial import configuration, program_environment

SCENARIO = "ru-wechat-2017"
FIRST_DAY = datetime(2017, 5, 1, tzinfo=UTC)
DAYS = 13
HOURS = (4, 12, 20)
BLOCKED_FROM = datetime(2017, 5, 4, 10, tzinfo=UTC)
BLOCKED_UNTIL = datetime(2017, 5, 11, 16, tzinfo=UTC)
"""WeChat entered the Russian register on 4 May 2017 and left it on 11 May; the hours are ours."""
RUN_TIMEOUT_S = 300
CATALOGUE = "targets.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelapseSlot:
    """One scheduled run."""

    at: datetime
    blocked: bool


def draw_slots() -> tuple[TimelapseSlot, ...]:
    """The schedule: a few runs a day, with a few minutes of jitter as a real schedule has."""
    times = [FIRST_DAY + timedelta(days=day, hours=hour, minutes=(7 * day + hour) % 23)
             for day in range(DAYS) for hour in HOURS]
    return tuple(TimelapseSlot(at=at, blocked=BLOCKED_FROM <= at < BLOCKED_UNTIL) for at in times)


def run_timelapse(catalogue: Catalogue, results: Path, *, seed: int, jobs: int, progress: Callable[[int, int], None],
                  scenario: str = SCENARIO, schedule: Sequence[TimelapseSlot] = ()) -> None:
    """Make every run of the schedule (else that of `draw_slots`) and gather its files in `results`. Raises RuntimeError
    when a run leaves none.

    One seed: the same world, the same vantage and the same targets in every run; only the censor comes and goes.
    """
    drawn = draw_scenario(load_scenario(scenario), seed=seed, endpoints=catalogue.endpoints)
    schedule = schedule or draw_slots()
    with (Laboratory(drawn) as censored, Laboratory(replace(drawn, rules=())) as free,
          ThreadPoolExecutor(jobs) as pool):
        # Blocked runs take longest: first in, so that the end is not waiting for one of them.
        order: Sequence[TimelapseSlot] = sorted(schedule, key=lambda slot: not slot.blocked)
        futures = [pool.submit(_run_slot, censored if slot.blocked else free, slot, catalogue, results)
                   for slot in order]
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                progress(done, len(futures))
        except BaseException:
            for future in futures:
                future.cancel()
            for laboratory in (censored, free):
                laboratory.end_now()  # else a person who stops it waits for the longest run
            raise


def _run_slot(laboratory: Laboratory, slot: TimelapseSlot, catalogue: Catalogue, results: Path) -> None:
    drawn = laboratory.drawn
    own = laboratory.directory / f"{slot.at:%Y%m%dT%H%M}"
    own.mkdir()
    config, written = own / "probe.toml", own / "results"
    config.write_text(configuration(drawn.world, helpers=True))
    # A copy of its own: each laboratory covers the file itself with one that names its own authorities, so that the
    # list would seem to change whenever the censor comes or goes.
    shutil.copyfile(catalogue.path, own / CATALOGUE)
    command = [
        *make_probe_command(), "run", "--fast", "--timed", "--parquet", "--config", str(config), "--results",
        str(written),
        "--catalogue", CATALOGUE, "--at", slot.at.isoformat(),
        *(part for target in drawn.targets for part in ("--input", target)),
    ]
    done = laboratory.run(command, env=program_environment(), timeout_s=RUN_TIMEOUT_S, cwd=own)
    if not any(written.glob("runs/date=*/*.csv")):
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise RuntimeError(f"the run of {slot.at:%d %B %H:%M} left no results: {last[0]}")
    shutil.copytree(written, results, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".lock"))


def default_jobs() -> int:
    """Runs at a time: most of a run is waiting."""
    return max(6, 6 * (os.cpu_count() or 1))
