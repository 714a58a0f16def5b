"""What Globalping is shown of us: a token, from the environment or a file that nobody else can read, never shown."""

from __future__ import annotations

import os
import re
from pathlib import Path

from probe.config.private_file import check_private
from probe.config.settings import Settings, SettingsError
from probe.core.safe_files import open_regular

VARIABLE = "PROBE_GLOBALPING_TOKEN"
MAX_TOKEN = 1000


def read_globalping_token(settings: Settings) -> str:
    """The token; empty where there is none. Raises SettingsError, which never repeats it."""
    token, file = os.environ.get(VARIABLE, "").strip(), settings.public_controls.globalping_token_file
    if not token and file:
        token = _read_token(Path(file).expanduser())
    if token and not re.fullmatch(rf"[\x21-\x7e]{{1,{MAX_TOKEN}}}", token):
        raise SettingsError(f"{VARIABLE if os.environ.get(VARIABLE) else file}: holds no token: one line of letters, "
                            "digits and signs is wanted")
    return token


def _read_token(path: Path) -> str:
    check_private(path, holds="a token")
    try:
        with open_regular(path) as file:
            return file.read(MAX_TOKEN + 2).decode("ascii", "replace").strip()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
