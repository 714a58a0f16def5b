"""The laboratories that somebody started, so that all can be ended at once."""

from __future__ import annotations

import os
import select
import signal
import threading
from contextlib import suppress


class Launched:
    """Descriptors of launchers, copied, so that their owners may close their own. Several threads may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._living: list[int] = []
        self._killed = False

    def add(self, launcher: int) -> None:
        """Remember a process; one that comes after the end is killed at once."""
        with self._lock:
            self._forget_ended()
            self._living.append(os.dup(launcher))
            if self._killed:
                _kill(launcher)

    def kill(self) -> None:
        """End all there are and will be. The kernel ends what is inside with its launcher."""
        with self._lock:
            self._killed = True
            for launcher in self._living:
                _kill(launcher)

    def close(self) -> None:
        """Forget them all; those that live go on."""
        with self._lock:
            for launcher in self._living:
                os.close(launcher)
            self._living = []

    def _forget_ended(self) -> None:
        watch = select.poll()
        for launcher in self._living:
            watch.register(launcher, select.POLLIN)
        for launcher, _ in watch.poll(0):
            self._living.remove(launcher)
            os.close(launcher)


def _kill(launcher: int) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(launcher, signal.SIGKILL)
