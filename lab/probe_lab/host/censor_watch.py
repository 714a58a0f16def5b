"""Brings into the truth log what a program of others has done since the last look."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from probe_lab.host import acts
from probe_lab.lab_types import Censor
from probe_lab.truth import TruthLog


class CensorWatch:
    """Looks at the counters and the output of one laboratory's censor; several threads may ask it to."""

    def __init__(self, censor: Censor, *, output: Path, truth: Path, run: Callable[[str], str]) -> None:
        """`output` is the file with what the program prints, `run` gives what a shell command prints beside it."""
        self._censor = censor
        self._output = output
        self._truth = truth
        self._run = run
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._lines = 0

    def look(self) -> None:
        """Write an entry for every sign of an act that is new. Raises what `run` raises, and OSError."""
        with self._lock:
            found = (*self._counted(), *self._printed())
            truth = TruthLog(self._truth)
            try:
                for entry in acts.make_truth_entries(self._censor, found, time_s=time.monotonic()):
                    truth.write(entry)
            finally:
                truth.close()

    def _counted(self) -> tuple[acts.CensorAct, ...]:
        kind = self._censor.counters
        if not kind:
            return ()
        before = self._counts
        self._counts = acts.read_counts(kind, self._run(acts.COUNTING[kind]))
        return acts.find_risen_counts(before, self._counts, match=self._censor.match)

    def _printed(self) -> tuple[acts.CensorAct, ...]:
        """What stands in the lines that are new, as far as the last whole one."""
        if not self._censor.log:
            return ()
        lines = self._output.read_text(errors="replace").split("\n")[:-1]
        new, self._lines = lines[self._lines :], len(lines)
        return acts.find_logged_acts(self._censor.log, new)
