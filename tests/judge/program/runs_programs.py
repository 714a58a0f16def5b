"""Runs in which the library's hello is answered, and programs' hellos are not."""

from __future__ import annotations

from typing import Any

from observations import EOF, RESET, TIMEOUT, told
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.shapes import ProgramShape
from recorded_runs import CHAT, INNOCENT, RecordedRun, connection, named, reached, run, search

SERVED = [*named(), *connection(0.0, last="http_round_trip")]


def _hello(n: int, shape: ProgramShape | None, failure: Failure = "", *, name: str = CHAT.host,
           **said: Any) -> list[Observation]:
    """One hello in a program's shape, or in the library's."""
    return connection(10.0 * n, purpose="program", attempt=n, hostname=name, shape=shape or "", failure=failure, **said)


def _struck(failure: Failure, shape: ProgramShape = "chrome", *, times: int = 4, **said: Any) -> list[Observation]:
    """A shape that fails each time, between library's hellos that are answered; an innocent name passes in it."""
    seen = list(SERVED)
    for n in range(times):
        seen += [*_hello(2 * n + 1, shape, failure, **said), *_hello(2 * n + 2, None)]
    return [*seen, *_hello(2 * times + 1, shape, name=INNOCENT)]


def _accused(word: str, failure: Failure, **said: Any) -> RecordedRun:
    return run(_struck(failure, **said), search(word=word), told=reached())


AT_TIMES = [o for n in (1, 2, 3, 4)
            for o in (*_hello(2 * n, "chrome", RESET if n % 2 else ""), *_hello(2 * n + 1, None))]
FAILS_THERE = tuple(told(name, shapes=((f"{CHAT.address}:443", f"chrome {RESET}"),)) for name in "ab")

RUNS: dict[str, RecordedRun] = {
    "program/reset": _accused("reset", RESET),
    "program/close": _accused("closed", EOF),
    "program/drop": _accused("silent", TIMEOUT, acked="no"),
    "program/mute": _accused("silent", TIMEOUT, acked="yes"),
    "program/fails_elsewhere": run(_struck(RESET), told=(*reached(), *FAILS_THERE)),
    "program/imitation_fails": run(_struck(RESET, "safari"), told=reached()),
    "program/fails": run(_struck(RESET, times=2), told=reached()),
    "program/fails_at_times": run(SERVED, AT_TIMES, told=reached()),
}
