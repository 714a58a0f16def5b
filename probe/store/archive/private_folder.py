"""A results folder that nobody but its owner can look into."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from probe.store.archive.own_files import (
    RUN_ORIGINS_FOLDER,
    SCHEDULE_FOLDER,
    SUBMIT_FOLDER,
    SWAP_FOLDER,
    TOP_FILES,
    UPLOAD_FOLDER,
    list_table_folders,
    parse_temporary_name,
)
from probe.store.layout import BATCH_FOLDERS, UNFINISHED_FOLDER

_OURS = TOP_FILES | {SCHEDULE_FOLDER, SWAP_FOLDER, UPLOAD_FOLDER, SUBMIT_FOLDER, RUN_ORIGINS_FOLDER,
                      UNFINISHED_FOLDER,
                      ".gitkeep", ".gitignore", "README.md",
                      *BATCH_FOLDERS}


def make_private(directory: Path) -> bool:
    """Closes a results folder to others (0700) and says whether that was needed.

    The program makes its folders so; one that a person made is closed too, but only where nothing else is kept in it:
    a results folder may have been set to a home or to `/tmp`.
    """
    if not hasattr(os, "geteuid"):  # Windows: modes say nothing there, a person's own folders are closed already
        return False
    with suppress(OSError):
        found = directory.stat()
        open_to_others = found.st_mode & 0o077
        if not open_to_others or found.st_uid != os.geteuid() or found.st_mode & stat.S_ISVTX or directory.is_mount():
            return False
        ours = _OURS | {folder.relative_to(directory).parts[0] for folder, _, _ in list_table_folders(directory)}
        if all(name in ours or parse_temporary_name(name) in ours for name in os.listdir(directory)):
            directory.chmod(0o700)
            return True
    return False
