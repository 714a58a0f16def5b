"""The upload at the end of a scheduled run: a process of its own, outside the run's lock and ended in time."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path

import click

from probe.catalogue.laboratory_marker import read_marker
from probe.config.consent.consent_check import explain_lacking_upload_consent
from probe.config.settings import Settings
from probe.core.tables.systems import LINUX
from probe.core.translation import say
from probe.upkeep.schedules.installed_schedules import make_own_command

AFTER_RUN_S = 60.0
"""What an upload at the end of a run may take, at most."""
REST_S = 80.0
"""So long after a run's deadline an upload has ended: systemd ends a run 90 seconds after it, and the next one starts
after 120 at the earliest."""
_LEAST_S = 5.0
_GRACE_S = 3.0
_MEMORY_BYTES = 2 << 30
"""Of address space: a hostile server's answer ends the upload, not the machine."""


def upload_after_run(settings: Settings, folder: Path, *, run_ends: float) -> None:
    """At the end of a scheduled run: upload in a process of its own, which is ended in time.

    `run_ends`: the run's deadline, by the monotonic clock. Nothing that goes wrong here fails the run.
    """
    if not settings.upload.place or read_marker().lab:
        return
    if why := explain_lacking_upload_consent(settings):
        click.echo(say("Nothing was uploaded. {why} To be asked: probe setup", why=why), err=True)
        return
    for_s = min(AFTER_RUN_S, run_ends + REST_S - time.monotonic())
    if for_s < _LEAST_S:
        return
    command = [*make_own_command(), "upload", "--due", "--for-s", f"{for_s - _GRACE_S:.0f}", "--config", settings.path,
               "--results", str(folder)]
    try:
        _run_bounded(command, for_s)
    except OSError as error:
        click.echo(say("Nothing was uploaded: {strerror}", strerror=error.strerror), err=True)


def _run_bounded(command: list[str], for_s: float) -> None:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        if LINUX:  # nobody else can bound another process
            import resource

            with contextlib.suppress(OSError):  # it has ended already
                resource.prlimit(child.pid, resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        child.wait(for_s)
    except subprocess.TimeoutExpired:
        click.echo(say("The upload was stopped after its time; it goes on with the next run."), err=True)
    finally:
        child.kill()
        child.wait()
