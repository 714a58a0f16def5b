"""Where a person's configuration, state and cache belong (XDG Base Directory Specification)."""

from __future__ import annotations

import os
from pathlib import Path


def find_config_home() -> Path:
    """Everybody's configuration; that of other programs too."""
    return _home("XDG_CONFIG_HOME", "~/.config")


def find_own_state() -> Path:
    """This program's state."""
    return _home("XDG_STATE_HOME", "~/.local/state") / "probe"


def find_own_cache() -> Path:
    """This program's cache."""
    return _home("XDG_CACHE_HOME", "~/.cache") / "probe"


def _home(variable: str, usual: str) -> Path:
    return Path(os.environ.get(variable) or usual).expanduser()
