"""Shuts a client out of the directories of this laboratory and of every other, except for what it shares with it."""

from __future__ import annotations

import os
from pathlib import Path

from probe_lab.host.mounts import hide_folder
from probe_lab.host.namespaces import MOUNT_BIND, mount


def seclude(shared: Path) -> None:
    """Leave nothing below the parent of all laboratories' directories but this one, which is two levels down.

    Acts on the current mount namespace; laboratories that begin later stay out of sight as well.
    """
    held = os.open(shared, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        hide_folder(shared.parent.parent)
        shared.mkdir(parents=True)
        mount(f"/proc/self/fd/{held}", shared, flags=MOUNT_BIND)
    finally:
        os.close(held)
