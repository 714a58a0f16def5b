"""Which schedules are set up on this machine, how they are taken away, and how they call this program."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from probe.config.folders import find_own_state
from probe.upkeep.schedules import cron, units
from probe.upkeep.schedules.crontab import CronError, read_crontab, write_crontab


def list_installed() -> tuple[str, ...]:
    """Which schedules are really set up for this user or the system."""
    found = []
    try:
        if cron.has_block(read_crontab()):
            found.append("cron")
    except CronError:
        pass
    found += [name for name, system in (("systemd-user", False), ("systemd-system", True))
              if units.has_timer(system=system)]
    return tuple(found)


def make_own_command() -> tuple[str, ...]:
    """How a schedule calls this very program, wherever it starts."""
    script = Path(sys.executable).with_name("probe")
    return (str(script),) if script.is_file() else (sys.executable, "-P", "-m", "probe")


def find_last_errors() -> Path:
    """Where cron's last run leaves what it had to say."""
    return find_own_state() / "last-errors.txt"


def _remove_cron() -> bool:
    try:
        before = read_crontab()
    except CronError:
        return False  # without cron there is nothing of ours in it
    if not cron.has_block(before):
        return False
    write_crontab(cron.remove_block(before))
    return True


def _remove_system() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0 and units.remove_units(system=True)


REMOVERS: dict[str, Callable[[], bool]] = {
    "cron": _remove_cron, "systemd-user": lambda: units.remove_units(system=False), "systemd-system": _remove_system,
}
"""Schedule -> what takes it away; false where there was nothing of ours."""
