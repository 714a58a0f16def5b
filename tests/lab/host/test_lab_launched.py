"""All that was started can be ended at once, and nobody's descriptor is kept for ever."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from probe_lab.host.launched import Launched

WAIT = (sys.executable, "-c", "import sys; sys.stdin.read()")


@contextmanager
def waiting() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process that waits, and its descriptor."""
    with subprocess.Popen(WAIT, stdin=subprocess.PIPE) as process:
        launcher = os.pidfd_open(process.pid)
        try:
            yield process, launcher
        finally:
            os.close(launcher)


def count_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_those_that_live_and_those_that_come_are_killed() -> None:
    launched = Launched()
    with waiting() as (first, its), waiting() as (later, other):
        launched.add(its)
        launched.kill()
        launched.add(other)
        assert first.wait(30) < 0
        assert later.wait(30) < 0
        launched.close()


def test_those_that_ended_are_forgotten_and_the_living_left_alone() -> None:
    launched = Launched()
    with waiting() as (process, launcher):
        before = count_descriptors()
        for _ in range(5):
            with subprocess.Popen([sys.executable, "-c", ""]) as short:
                ended = os.pidfd_open(short.pid)
                select.select([ended], [], [])
                launched.add(ended)
                os.close(ended)
        launched.add(launcher)
        assert count_descriptors() <= before + 1
        launched.close()
        assert count_descriptors() == before
        assert process.poll() is None


@pytest.mark.parametrize("killed", [False, True])
def test_the_end_of_one_that_is_gone_is_no_error(killed: bool) -> None:
    launched = Launched()
    with waiting() as (process, launcher):
        launched.add(launcher)
        process.kill()
        process.wait()
        launched.kill()
        if killed:
            launched.add(launcher)
        launched.close()
