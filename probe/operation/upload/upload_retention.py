"""Tells retention which runs wait to be uploaded."""

from __future__ import annotations

from pathlib import Path

from probe.config.settings import Settings
from probe.operation.upload.upload_state import read_state, waiting
from probe.results.archive.own_files import HELD_FILE, UPLOAD_FOLDER
from probe.results.files.atomic import explained, replace_file


def note_waiting(directory: Path, settings: Settings) -> None:
    """Write the list that `probe.results.archive.pending_upload` reads, as it is now. Raises StoreError.

    Without a configured upload nothing waits: a list of ours goes; one that somebody else keeps stays.
    """
    file, place = directory / HELD_FILE, settings.upload.place
    if place:
        queue = waiting(directory, read_state(directory, place))
        replace_file(file, "".join(f"{run_id}\n" for _, run_id in queue).encode())
    elif (directory / UPLOAD_FOLDER).is_dir():
        with explained(file):
            file.unlink(missing_ok=True)
