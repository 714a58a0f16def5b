"""Checksums that travel with an uploaded run, in the form of `sha256sum`, so that it can check them too.

Names are relative to the results folder: `cd FOLDER && sha256sum -c sums/date=2026-11-25/RUN.sha256`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from probe.core.runs import Run
from probe.core.safe_files import open_regular
from probe.store.files.atomic import StoreError, translate_os_errors
from probe.store.files.listing import is_there
from probe.store.layout import csv_path, sums_path
from probe.store.runs.run_reader import table_text
from probe.store.schema import TABLES

_MAX_BYTES = 64 << 10
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


def sums_text(files: Mapping[str, bytes]) -> bytes:
    """Name -> content, as a list of checksums."""
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()).encode()


def mismatch(directory: Path, run: Run) -> str:
    """Why a run is not what was sent, by the checksums that came with it; empty when it is, or when none came.

    Raises StoreError when a file cannot be read.
    """
    path = sums_path(directory, run)
    if not is_there(path):
        return ""
    with translate_os_errors(path), open_regular(path) as file:
        lines = file.read(_MAX_BYTES).decode("utf-8", "replace").splitlines()
    found = [_LINE.fullmatch(line) for line in lines]
    sums = {match[2]: match[1] for match in found if match}
    if len(sums) != len(lines):
        raise StoreError(f"{path}: is no list of checksums; fetch it again")
    for table in TABLES:
        name = str(csv_path(Path(), table, run))
        if name in sums and hashlib.sha256(table_text(directory, run, table)).hexdigest() != sums[name]:
            return f"{table} of this run is not what was sent, by its checksum: fetch it again"
    missing = [table for table in TABLES if str(csv_path(Path(), table, run)) not in sums]
    return f"its checksums do not name {', '.join(missing)}: fetch them again" if missing else ""
