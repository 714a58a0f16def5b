"""Two folders change places in one step, so that whoever looks finds the one or the other whole (Linux, renameat2)."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

from probe.store.files.atomic import StoreError, sync_folder

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_NOT_HERE = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV}


def swap_folders(one: Path, other: Path) -> None:
    """Swaps two folders of one file system, and sees to it that the swap outlasts a power cut.

    Raises StoreError where the system, or the file system, cannot do that; then nothing has changed.
    """
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    failed = call is None or call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    if failed:
        code = errno.ENOSYS if call is None else ctypes.get_errno()
        if code in _NOT_HERE:
            raise StoreError(f"{other}: this file system cannot swap folders, so days cannot be merged safely here; "
                             "leave them as they are, or keep the results on a local disk")
        raise StoreError(f"{other}: {os.strerror(code)}; nothing was merged")
    for folder in (one.parent, other.parent):
        sync_folder(folder)
