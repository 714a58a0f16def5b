"""One line on standard error while a run measures: what is being done, and how long it can still take."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from probe.core.progress import Forward, Progress, ignore_progress
from probe.core.translation import say
from probe.upkeep.commands.screen import find_terminal_size

Phase = Literal["network", "sites", "last", "compare", "judge"]
PHASES: dict[Phase, str] = {
    "network": "looking at the network itself",
    "sites": "{done} of {total} sites done",
    "last": "{done} of {total} sites done, the others are slow",
    "compare": "all sites done, asking some again",
    "judge": "judging what was seen",
}
_LAST: Final = 0.9
"""From this share of sites on, what is left waits for slow answers."""
_JUDGED_S: Final = 1.0
"""Before its deadline a run ends measuring, and judges."""
TICK_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProgress:
    """How far a run is."""

    done: int = 0
    total: int = 0
    """Sites; no total: none is begun."""
    elapsed_s: float = 0.0
    deadline_s: float

    @property
    def phase(self) -> Phase:
        """What is being done."""
        if self.left_s < _JUDGED_S:
            return "judge"
        if not self.total:
            return "network"
        if self.done >= self.total:
            return "compare"
        return "last" if self.done >= _LAST * self.total else "sites"

    @property
    def left_s(self) -> float:
        """Seconds until the run ends at the latest; most end sooner."""
        return max(0.0, self.deadline_s - self.elapsed_s)

    def describe(self, columns: int) -> str:
        """One line no longer than the terminal is wide."""
        said = say(PHASES[self.phase], done=self.done, total=self.total)
        line = say("Measuring, at most {seconds:.0f} s more: {phase}", seconds=self.left_s, phase=said)
        return line[: max(0, columns - 1)]


@contextlib.contextmanager
def show_run_progress(deadline_s: float) -> Iterator[Progress]:
    """What to call as sites are finished; it draws where standard error is a terminal that can go back in a line."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield ignore_progress
        return
    begin_s, ended, work = time.monotonic(), threading.Event(), Forward()

    def draw() -> None:
        while not ended.wait(TICK_S):
            shown = RunProgress(done=work.done, total=work.total, elapsed_s=time.monotonic() - begin_s,
                                deadline_s=deadline_s)
            sys.stderr.write(f"\r\x1b[K{shown.describe(find_terminal_size().columns)}")
            sys.stderr.flush()

    drawer = threading.Thread(target=draw, daemon=True)
    drawer.start()
    try:
        yield work.tell
    finally:
        ended.set()
        drawer.join(2 * TICK_S)
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
