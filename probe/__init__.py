"""A censorship-reachability probe for messaging services."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from probe.research.open_results import Results

__version__ = "0.2.0"


def open_results(path: str | Path, *, lab: bool = False) -> Results:
    """Results for notebooks (extra `research`): tables to compute with and frames, as `docs/analysis.md` tells. `path`
    is a folder, or an https address where `datapackage.json` stands.

    Raises `probe.results.files.atomic.StoreError`, which says what to do, where there are none.
    """
    from probe.research.open_results import (
        open_results as opened,  # late: it takes a second, and a run has no use for it
    )

    return opened(path, lab=lab)


def open_example(name: str) -> Results:
    """Small results of the laboratory that come with the package: `may-2017`, `telegram-partial`, `national-block`.

    Raises `probe.results.files.atomic.StoreError` for another name.
    """
    from probe.research.open_results import open_example as opened  # late, as above

    return opened(name)
