"""Which names of files an inbox takes, and where each goes: those that `probe upload` gives, and no others. Pure."""

from __future__ import annotations

import re
from datetime import date

from probe.store.archive.proof_names import find_proof_month
from probe.store.archive.sealed_runs import SEALED_FOLDER
from probe.store.layout import ARCHIVES_FOLDER

MAX_UPLOAD_MB = 64
PATH_HEADER = "X-Inbox-Path"
"""Of an answer to an upload that was taken: where it lies, for the web server in front, which tells origins."""
_ARCHIVE = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,63}}/({ARCHIVES_FOLDER}/date=(\d{{4}}-\d\d-\d\d)/"
                      r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.tgz)", re.ASCII)
_SEALED = re.compile(rf"{SEALED_FOLDER}/[0-9a-f]{{32}}\.age", re.ASCII)


def place_upload(name: str) -> str:
    """Where a file goes, below the folder of whoever sends it; empty for a name that is not taken.

    The folder that stands before an archive is left out: it is a name that anybody could give, and the run has its own.
    """
    if _SEALED.fullmatch(name) or find_proof_month(name.split("/")):
        return name
    if match := _ARCHIVE.fullmatch(name):
        try:
            date.fromisoformat(match[2])
        except ValueError:
            return ""
        return match[1]
    return ""
