"""Runs that should not be removed yet: those that still wait to be uploaded.

Whoever uploads keeps `not-uploaded.txt` in the results folder (`probe.upkeep.upload.upload_retention`): the id of
one run a line. The runs that it names stay, whatever their age, unless the quota leaves no other way. Without the file
nothing waits.
"""

from __future__ import annotations

from pathlib import Path

from probe.core.safe_files import open_regular
from probe.store.archive.own_files import HELD_FILE
from probe.store.files.atomic import StoreError, translate_os_errors
from probe.store.files.listing import is_there
from probe.store.layout import is_run_id

_MAX_BYTES = 64 << 20


def read_held_runs(directory: Path) -> frozenset[str]:
    """The runs that should not go. Raises StoreError for a file that cannot be read: then nothing may."""
    path = directory / HELD_FILE
    if not is_there(path):
        return frozenset()
    with translate_os_errors(path), open_regular(path) as file:
        text = file.read(_MAX_BYTES + 1)
    names = frozenset(filter(None, (line.strip() for line in text.decode("utf-8", "replace").splitlines())))
    if len(text) > _MAX_BYTES or not all(map(is_run_id, names)):
        raise StoreError(f"{path}: is no list of run ids, so nothing is removed; correct it, or remove it if nothing "
                         "waits to be uploaded")
    return names
