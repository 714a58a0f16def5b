"""Tells retention which runs wait to be uploaded."""

from __future__ import annotations

from pathlib import Path

from probe.config.settings import Settings
from probe.store.archive.own_files import HELD_FILE, UPLOAD_FOLDER
from probe.store.files.atomic import replace_file, translate_os_errors
from probe.upkeep.upload.upload_state import list_waiting_runs, read_state


def note_waiting(directory: Path, settings: Settings) -> None:
    """Write the list that `probe.store.archive.pending_upload` reads, as it is now. Raises StoreError.

    Without a configured upload nothing waits: a list of ours goes; one that somebody else keeps stays.
    """
    file, place = directory / HELD_FILE, settings.upload.place
    if place:
        queue = list_waiting_runs(directory, read_state(directory, place))
        replace_file(file, "".join(f"{run_id}\n" for _, run_id in queue).encode())
    elif (directory / UPLOAD_FOLDER).is_dir():
        with translate_os_errors(file):
            file.unlink(missing_ok=True)
