"""A child that is ended by SIGKILL: at the n-th call that changes or syncs a file, or after a time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from probe.store.archive import compaction as compact_module

CALLS = ("open", "write", "fsync", "replace", "rename", "link", "unlink", "rmdir", "mkdir", "ftruncate")


@dataclass(frozen=True, slots=True)
class AtCall:
    """Ends right before the n-th such call, or right after it."""

    n: int
    after: bool = False


@dataclass(frozen=True, slots=True)
class AfterTime:
    """Ends after so many seconds, wherever it is."""

    s: float


def run_and_kill(work: Callable[[], object], end: AtCall | AfterTime) -> bool:
    """Does the work in a child and kills it; True where the work was done before."""
    child = os.fork()
    if not child:
        _child(work, end)
    if isinstance(end, AfterTime):
        time.sleep(end.s)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, -signal.SIGKILL):
        raise RuntimeError(f"a child that was to be killed ended by itself with status {code}")
    return code == 0


def calls_of(work: Callable[[], object]) -> int:
    """How many such calls the work makes."""
    count = [0]

    def counted() -> None:
        count[0] += 1

    undo = _watch(lambda name: counted, lambda name: None)
    try:
        work()
    finally:
        undo()
    return count[0]


def _child(work: Callable[[], object], end: AtCall | AfterTime) -> NoReturn:
    code = 1
    try:
        if isinstance(end, AtCall):
            left = [end.n]

            def count() -> None:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

            _watch(lambda name: None if end.after else count, lambda name: count if end.after else None)
        work()
        code = 0
    finally:
        os._exit(code)


def _watch(before: Callable[[str], Callable[[], None] | None], after: Callable[[str], Callable[[], None] | None],
           ) -> Callable[[], None]:
    """Wraps the calls in this process; what is returned takes that back."""
    originals: list[tuple[Any, str, Any]] = []

    def wrap(owner: Any, name: str) -> None:
        original, first, last = getattr(owner, name), before(name), after(name)

        def call(*arguments: Any, **named: Any) -> Any:
            if first:
                first()
            result = original(*arguments, **named)
            if last:
                last()
            return result

        originals.append((owner, name, original))
        setattr(owner, name, call)

    for name in CALLS:
        wrap(os, name)
    wrap(compact_module, "swap_folders")

    def undo() -> None:
        for owner, name, original in originals:
            setattr(owner, name, original)

    return undo
