"""Files with secrets, which nobody but their owner may use."""

from __future__ import annotations

import os
from pathlib import Path

from probe.config.settings import SettingsError
from probe.core.safe_files import check_readable


def may_others_use(path: Path, mode: int) -> bool:
    """Whether the mode of a file lets others at it. What a service manager hands over (systemd.exec(5), Credentials) is
    for one service, however its mode reads: its user stands in a list that the mode sums up as a group."""
    handed = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return bool(mode & 0o077) and not (handed and path.parent == Path(handed) and not mode & 0o007)


def check_private(path: Path, *, holds: str) -> None:
    """Raises SettingsError for a file that others may use, or that cannot be looked at. `holds`: what is in it."""
    try:
        mode = path.stat().st_mode
        check_readable(path)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    if may_others_use(path, mode):
        raise SettingsError(f"{path}: holds {holds} and may be used by others: chmod 600 {path}")
