"""A program inside a laboratory in place of this process: its terminal, its signals, its exit status."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence

from probe_lab.laboratory import Laboratory

_FORWARDED = frozenset(
    (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT, signal.SIGQUIT)
)
_SI_KERNEL = 0x80
"""The kernel sent it, for a key at the terminal: then the program has received it as well (sigaction(2))."""


def run_in_foreground(laboratory: Laboratory, argv: Sequence[str], *, env: Mapping[str, str]) -> int:
    """Run a program on the client until it ends; the status that a shell would report (128 + n after signal n).

    Signals that others send to this process go to the program. Call it from the main thread of a process that has
    no other. Raises LabFailed when a part of the laboratory ended before or meanwhile.
    """
    waited = {*_FORWARDED, signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    try:
        process = laboratory.start(argv, env=env)
        _wait(process, waited)
        while signal.sigtimedwait(waited, 0) is not None:
            continue  # what came after the program's end concerns nobody any more
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    laboratory.settle()
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def _wait(process: subprocess.Popen[bytes], waited: set[signal.Signals]) -> None:
    while process.poll() is None:
        news = signal.sigwaitinfo(waited)
        if news.si_signo != signal.SIGCHLD and news.si_code != _SI_KERNEL:
            process.send_signal(news.si_signo)
