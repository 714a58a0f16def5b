"""Ends a run that does not end by itself, and keeps what it had measured.

Python's own ways to do so (signals' handlers, threads, exceptions) wait for the interpreter's lock, which a call into C
may hold for ever. `faulthandler` waits in a thread that never takes that lock, on every system; it writes where the
program stands and ends the process, and with it the run's lock goes. So no second process is needed, which a small
device would have to carry through each run. What was measured until then is on disk, and the next run stores it
(`probe.store.runs.unfinished_run`).
"""

from __future__ import annotations

import contextlib
import faulthandler
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from probe.core.translation import say
from probe.store.files.atomic import StoreError, make_folder, open_private, translate_os_errors
from probe.store.files.listing import is_folder
from probe.store.layout import UNFINISHED_FOLDER

if TYPE_CHECKING:
    from probe.core.observations import ControlAnswer, Observation
    from probe.core.runs import Run
    from probe.store.runs.unfinished_run import UnfinishedRun
    from probe.store.signing.run_signing import RunSigner

_GRACE_S, _MOST_S = 3.0, 60.0
STUCK_FILE = "stuck.txt"
"""In it stands where a run was that the watchdog ended; of others it is empty."""
_MAX_TOLD = 2000
"""Characters of where a run stood that are told."""


def choose_grace_s() -> float:
    """So long after its time a run is stuck: some seconds, and more where the machine took long for what it did."""
    return min(_MOST_S, _GRACE_S + 2 * (time.process_time() + _read_waited_s()))


def _read_waited_s() -> float:
    """How long we waited for a processor that others had: seconds, as Linux counts them (proc_pid_schedstat(5))."""
    try:
        return int(Path("/proc/self/schedstat").read_bytes().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


class RunWatchdog:
    """A `RunKeeper` (`probe.session.run_keeping`) that also has the process ended when the run's time is over."""

    def __init__(self, directory: Path, stuck: TextIO) -> None:
        self._directory, self._stuck = directory, stuck
        self._kept: UnfinishedRun | None = None

    def give(self, seconds: float) -> None:
        """From now on it has so many seconds, and some more."""
        faulthandler.dump_traceback_later(seconds + choose_grace_s(), exit=True, file=self._stuck)

    def begin(self, run: Run) -> None:
        """Make the files."""
        from probe.store.runs.unfinished_run import UnfinishedRun

        with contextlib.suppress(StoreError):
            self._kept = UnfinishedRun(self._directory, run)

    def keep(self, observations: Sequence[Observation], controls: Sequence[ControlAnswer]) -> None:
        """Write it; where that fails once, no more is written."""
        if self._kept:
            try:
                self._kept.add(observations, controls)
            except StoreError:
                self._kept = None

    def end_measuring(self) -> None:
        """Judging and writing get a time of their own, by how fast the machine was until now."""
        self.give(0.0)


@contextlib.contextmanager
def watch_run(directory: Path, *, for_s: float) -> Iterator[RunWatchdog]:
    """Around the measuring and writing of a run, by whoever holds the folder's lock: what was kept is removed when the
    run is stored. Raises StoreError."""
    file = directory / UNFINISHED_FOLDER / STUCK_FILE
    make_folder(file.parent)
    with translate_os_errors(file):
        stuck = open_private(file)
    done = False
    try:
        with stuck:
            watchdog = RunWatchdog(directory, stuck)
            watchdog.give(for_s)
            yield watchdog
            done = True
    finally:
        faulthandler.cancel_dump_traceback_later()
        if done:
            _remove(directory)


def _remove(directory: Path) -> None:
    from probe.store.runs.unfinished_run import remove_unfinished

    remove_unfinished(directory)


def store_unfinished(directory: Path, find_signer: Callable[[Run], RunSigner | None]) -> None:
    """Store what a run before this one had measured when it was ended, and tell where it was stuck, if it was. By
    whoever holds the folder's lock. Raises StoreError where that cannot be written, and then keeps what was kept."""
    folder = directory / UNFINISHED_FOLDER
    if not is_folder(folder):
        return
    from probe.core.visible_text import visible
    from probe.store.runs.run_writer import write_run
    from probe.store.runs.unfinished_run import read_unfinished, remove_unfinished

    result, where = read_unfinished(directory), _read_stuck(folder)
    if where:
        click.echo(say("The run before this one was stuck and was ended. It stood here:"), err=True)
        click.echo("\n".join(map(visible, where.splitlines())), err=True)
    if result and result.observations and not _is_stored(directory, result.run.run_id):
        write_run(result, directory, parquet=False, known_new=True, signer=find_signer(result.run))
        click.echo(say("What a run had measured before it was ended is stored as run {run}, without verdicts.",
                       run=result.run.run_id), err=True)
    remove_unfinished(directory)


def _is_stored(directory: Path, run_id: str) -> bool:
    """Whether the run was ended while it removed these files."""
    from probe.store.runs.merged_days import find_merged
    from probe.store.runs.run_files import find_run

    merged = None
    with contextlib.suppress(StoreError):  # of another run's day, which hinders none
        merged = find_merged(directory, run_id)
    return bool(find_run(directory, run_id) or merged)


def _read_stuck(folder: Path) -> str:
    try:
        with (folder / STUCK_FILE).open(encoding="utf-8", errors="replace") as file:
            return file.read(_MAX_TOLD)
    except OSError:
        return ""
