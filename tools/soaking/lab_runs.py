"""Real runs of the real command in one laboratory, half of them ended by a signal at random moments."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from probe.catalogue.load import load_catalogue
from probe.store.files.atomic import StoreError
from probe.store.layout import UNFINISHED_FOLDER
from probe.store.runs.run_reader import stored_runs, whole
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_NO_NETWORK
from probe.upkeep.commands.run_lock import read_held_since
from probe.upkeep.commands.run_watchdog import STUCK_FILE
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import load_scenario
from probe_lab.laboratory import Laboratory, make_probe_command
from probe_lab.scoring.trial import configuration, program_environment
from soaking.ledger import Tally, rows_by_glob, strays

SCENARIO = "clean"
TARGETS = 2
PATIENCE_S = 120.0
AT_ONCE = 3
_SHARE_KILLED = 0.5


@dataclass(slots=True)
class _Series:
    """Runs one after the other into one folder."""

    results: Path
    rng: random.Random
    finished: dict[str, int] = field(default_factory=dict)
    """Run -> rows, as its program said when it ended well."""
    killed: int = 0
    watchdog: int = 0
    """Runs that their watchdog ended."""
    took_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def real_runs(*, runs: int, seed: int, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """So many runs, a few at once, each of those into a folder of its own. Raises LabUnavailable."""
    catalogue = load_catalogue(search=False)
    drawn = draw_scenario(load_scenario(SCENARIO), seed=seed, endpoints=catalogue.endpoints)
    inputs = [part for target in drawn.targets[:TARGETS] for part in ("--input", target)]
    lock, done = threading.Lock(), [0]
    with Laboratory(drawn, level="socket", helpers=False) as laboratory:
        config = laboratory.directory / "probe.toml"
        config.write_text(configuration(drawn.world, helpers=False, consent_level=1))
        command = [*make_probe_command(), "run", "--timed", "--fast", "--json", "--no-parquet", "--deadline-s", "8",
                   "--config", str(config), "--catalogue", catalogue.path, *inputs]

        def live(series: _Series, count: int) -> None:
            for _ in range(count):
                _one(laboratory, [*command, "--results", str(series.results)], series)
                with lock:
                    done[0] += 1
                    progress(done[0], runs)

        all_series = [_Series(laboratory.directory / f"results-{n}", random.Random(seed + n)) for n in range(AT_ONCE)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for future in [pool.submit(live, s, runs // AT_ONCE + (n < runs % AT_ONCE))
                           for n, s in enumerate(all_series)]:
                future.result()
        tallies = [_tally(series) for series in all_series]
        free = all(read_held_since(series.results) is None for series in all_series)
    total = Tally()
    for one in tallies:
        for name in Tally.__slots__:
            setattr(total, name, getattr(total, name) + getattr(one, name))
    return {"runs": runs, "killed": sum(s.killed for s in all_series), "lock_free": free,
            "watchdog": sum(s.watchdog for s in all_series),
            "run_s": round(median(t for s in all_series for t in s.took_s or [0.0]), 2),
            "end": {name: getattr(total, name) for name in Tally.__slots__},
            "wrong": [text for s in all_series for text in s.wrong]}


def _one(laboratory: Laboratory, command: list[str], series: _Series) -> None:
    kill = len(series.took_s) >= 1 and series.rng.random() < _SHARE_KILLED
    start = time.monotonic()
    process = laboratory.start(command, env=program_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        try:
            wait_s = series.rng.uniform(0.05, 1.1 * median(series.took_s)) if kill else PATIENCE_S
            out, err = process.communicate(timeout=wait_s)
        except subprocess.TimeoutExpired:
            process.send_signal(series.rng.choice((signal.SIGKILL, signal.SIGTERM)) if kill else signal.SIGKILL)
            out, err = process.communicate()
            series.killed += 1
            if not kill:
                series.wrong.append(f"a run did not end in {PATIENCE_S:.0f} s")
            return
    if process.returncode == EXIT_FAILED and _was_stuck(series.results):
        series.watchdog += 1
        return
    if process.returncode not in (0, EXIT_NO_NETWORK):  # so little time on a busy machine may show no network
        series.wrong.append(f"a run ended with {process.returncode}: {(out + err).decode(errors='replace')[-2000:]}")
        return
    series.took_s.append(time.monotonic() - start)
    told = json.loads(out)
    series.finished[told["run"]["run_id"]] = told["run"]["n_observations"] + len(told["verdicts"]) + len(
        told["services"]) + 1


def _was_stuck(results: Path) -> bool:
    """Whether its watchdog ended the run, for the machine was too busy; the next run stores what it had measured."""
    try:
        return bool((results / UNFINISHED_FOLDER / STUCK_FILE).read_text(encoding="utf-8"))
    except OSError:
        return False


def _tally(series: _Series) -> Tally:
    """Whether the folder holds what the programs said, once."""
    done = Tally()
    counted = rows_by_glob(series.results, done)
    seen: Counter[str] = Counter()
    try:
        for run in stored_runs(series.results):
            seen[run.run_id] += 1
            done.runs += 1
            result = whole(series.results, run)
            rows = 1 + sum(map(len, (result.observations, result.controls, result.verdicts, result.services)))
            numbers = [o.sequence for o in result.observations]
            if len(numbers) != run.n_observations or sorted(numbers) != list(range(len(numbers))):
                done.torn += 1
                done.wrong.append(f"run {run.run_id} lacks observations")
            expected = series.finished.get(run.run_id, rows - len(result.controls)) + len(result.controls)
            done.rows_expected += expected
            done.rows_found += counted[run.run_id]
            done.rows_doubled += max(0, counted[run.run_id] - expected)
            done.rows_lost += max(0, expected - counted[run.run_id])
    except StoreError as error:
        done.torn += 1
        done.wrong.append(str(error))
    for run_id in series.finished.keys() - seen.keys():
        done.rows_lost += series.finished[run_id]
        done.rows_expected += series.finished[run_id]
        done.wrong.append(f"run {run_id} ended well and is not stored")
    done.wrong += [f"run {run_id} is read {n} times" for run_id, n in seen.items() if n > 1]
    done.unfinished = len(counted.keys() - seen.keys())
    done.temporary = len(strays(series.results, older_than_s=3600.0))
    return done
