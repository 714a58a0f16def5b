"""Which programs a scenario needs and this machine lacks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where iptables and nft usually are, which is not on an ordinary user's PATH."""


def search_path() -> str:
    """The folders in which a scenario's programs are looked for, as PATH has them."""
    return os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS))


def explain_lacking_needs(needs: Iterable[str]) -> str:
    """Why a scenario with these needs cannot be run here; empty when it can."""
    absent = [name for name in needs if shutil.which(name, path=search_path()) is None]
    return f"it needs {', '.join(absent)}, which is not installed here" if absent else ""
