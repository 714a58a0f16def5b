"""What many probes say together, and services that are slowed: in a process of its own where two share the work."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from probe.store.files.atomic import replace_file
from probe_analysis.cells.cell_inputs import choose_days, list_days
from probe_analysis.cells.file_names import DAYS_FOLDER, SLOWED_FILE
from probe_analysis.collect_seldom import collect_seldom
from probe_analysis.counting.cell_files import check_period
from probe_analysis.events.event import Event
from probe_analysis.population.hour_making import TABLES
from probe_analysis.population.kept_hours import open_kept_hours
from probe_analysis.population.opened_hours import HourWishes, open_hours
from probe_analysis.population.population_files import PopulationSummary, write_opened_population
from probe_analysis.slowed.slow_times_kept import list_slow_events
from probe_analysis.slowed.slowed_rows import list_slowed

_LEAST_NEW_BYTES = 1 << 20
"""With less a process takes longer to start than it saves. With much each of the two uses all processors in places, and
one alone in others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedTogether:
    """What came of both."""

    population: PopulationSummary
    slowed: Sequence[Mapping[str, Any]]
    slow_events: Sequence[Event]
    """Services whose handshakes a network slows."""


def judge_together(directory: Path, out: Path, wishes: HourWishes) -> JudgedTogether:
    """Writes what many probes say together, and which services are slowed, to `out`. Raises StoreError."""
    with collect_seldom(), open_hours(directory, out, wishes) as opened:
        population = write_opened_population(opened, out, lab=wishes.lab)
        slowed = list_slowed(opened.kept)
        slow_events = list_slow_events(opened, lab=wishes.lab)
    replace_file(out / SLOWED_FILE, (json.dumps(slowed, indent=1) + "\n").encode())
    return JudgedTogether(population=population, slowed=slowed, slow_events=slow_events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What is being judged."""

    is_beside: bool
    """Another process is at it already."""
    wait: Callable[[], JudgedTogether]
    """What came of it, once it is done: here, if nobody is at it. Raises StoreError."""


@contextmanager
def judging_beside(directory: Path, out: Path, wishes: HourWishes) -> Iterator[Judging]:
    """The same as `judge_together` beside other work, with half of the memory, where that is worth a process. Raises
    StoreError at once where the folder is of other days."""
    check_period(out, wishes.since, wishes.until)
    if not _is_worth_a_process(directory, out, wishes):
        yield Judging(is_beside=False, wait=cache(lambda: judge_together(directory, out, wishes)))
        return
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        begun = pool.submit(judge_together, directory, out, replace(wishes, memory_mb=wishes.memory_mb // 2))

        @cache
        def wait() -> JudgedTogether:
            try:
                return begun.result()
            except BrokenProcessPool:  # somebody ended it, for want of memory perhaps
                return judge_together(directory, out, wishes)

        yield Judging(is_beside=True, wait=wait)


def _is_worth_a_process(directory: Path, out: Path, wishes: HourWishes) -> bool:
    """Whether there are processors for two, and enough is new."""
    if min(os.cpu_count() or 1, wishes.threads or 2) < 2:
        return False
    known = open_kept_hours(out, directory).seen if (out / DAYS_FOLDER).is_dir() else {}
    _, by_day = list_days(directory, TABLES)
    new_bytes = 0
    for files in choose_days(by_day, wishes.since, wishes.until).values():
        for own in files:
            with suppress(OSError):
                stat = own.path.stat()
                seen = known.get(own.path.relative_to(directory).as_posix())
                if seen is None or seen.stat[:2] != (stat.st_size, stat.st_mtime_ns):
                    new_bytes += stat.st_size
    return new_bytes >= _LEAST_NEW_BYTES
