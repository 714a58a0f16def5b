"""The process that measures, judges and writes, killed at random moments: between any two system calls, and any time.

After each kill the next run has to work at once, and what ended well has to be there once. The limits and the merging
of days are at work as well, since a kill may hit them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import read_run
from probe.upkeep.commands.run_lock import read_held_since
from soaking.disk import no_network, stamp_parts
from soaking.killed import AfterTime, AtCall, calls_of, run_and_kill
from soaking.ledger import Ledger, digest, tally
from soaking.machine import Machine, crashed, one_catalogue
from soaking.recorded import Network, recorded
from soaking.shifted import Moment, shifted
from soaking.year import vars_of

BEGIN = datetime(2017, 1, 1, tzinfo=UTC)
STEP = timedelta(hours=3)
QUOTA_MB = 4
_BY_CALL = 0.6
"""Share of the kills that hit a certain system call; the others hit after a time."""


def kill_runs(folder: Path, *, kills: int, seed: int, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Kills so many runs in an empty folder; returns the figures. In a process with one thread."""
    ledger, rng, moment = Ledger(folder / "ledger"), random.Random(seed), Moment(BEGIN)
    machine = Machine(home=folder / "home", results=folder / "results")
    machine.configure(quota_mb=QUOTA_MB)
    network = Network(measured=ledger.measured, clock=moment.start_clock, blocked=True)
    wrong: list[str] = []
    with ExitStack() as stack:
        for context in (no_network(), shifted(moment), recorded(network), one_catalogue()):
            stack.enter_context(context)
        works = {merge: partial(_run, machine, ledger, merge=merge) for merge in (False, True)}
        sizes = {merge: _size(work, moment) for merge, work in works.items()}
        rounds = killed = 0
        while killed < kills:
            merge = rounds % 5 == 4
            end = _end(rng, *sizes[merge])
            done = run_and_kill(works[merge], end)
            rounds, killed = rounds + 1, killed + (not done)
            stamp_parts(machine.results, moment.now.timestamp())
            moment.advance(STEP)
            if fault := _next_run(machine, ledger):
                wrong.append(f"after kill {killed}, {end}: {fault}")
            moment.advance(STEP)
            progress(killed, kills)
        machine.compact()
        moment.advance(timedelta(days=3))
        _run(machine, ledger, merge=True)
        end_tally = tally(machine.results, ledger)
    return {"rounds": rounds, "killed": killed, "calls": sizes[False][0], "run_ms": round(1000 * sizes[False][1], 1),
            "lock_free": read_held_since(machine.results) is None, "end": vars_of(end_tally), "wrong": wrong}


def _size(work: Callable[[], object], moment: Moment) -> tuple[int, float]:
    """(calls that the work makes, seconds that it takes)."""
    took = []
    for _ in range(9):
        start = monotonic()
        work()
        took.append(monotonic() - start)
        moment.advance(STEP)
    return calls_of(work), median(took)


def _end(rng: random.Random, calls: int, lasts_s: float) -> AtCall | AfterTime:
    if rng.random() < _BY_CALL:
        return AtCall(rng.randrange(1, calls + 1), after=rng.random() < 0.5)
    return AfterTime(rng.uniform(0, 1.3 * lasts_s))


def _run(machine: Machine, ledger: Ledger, *, merge: bool) -> None:
    if machine.run().exit_code == 0:
        ledger.finished(ledger.last_measured())
    if merge:
        machine.compact()


def _next_run(machine: Machine, ledger: Ledger) -> str:
    """Makes a run and reads it back; what was wrong, or nothing."""
    result = machine.run()
    if crashed(result) or result.exit_code != 0:
        return f"the next run ended with {result.exit_code} {crashed(result)} {result.output[-300:]}"
    run_id, wanted = ledger.last_measured(), ledger.last_digest()
    ledger.finished(run_id)
    try:
        stored = digest(read_run(machine.results, run_id))
    except StoreError as error:
        return str(error)
    return "" if stored == wanted else "the next run reads back as something else"
