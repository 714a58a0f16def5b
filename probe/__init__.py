"""A censorship-reachability probe for messaging services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from probe_analysis.open_results import Results

__version__ = "0.2.0"
_ANALYSIS = "probe_analysis"
"""The package that reads results for notebooks; it may not be installed."""


def open_results(path: str | Path, *, lab: bool = False) -> Results:
    """Results for notebooks (part `analysis`): tables to compute with and frames, as `docs/analysis.md` tells. `path`
    is a folder, or an https address where `datapackage.json` stands.

    Raises `probe.store.files.atomic.StoreError`, which says what to do, where there are none; ImportError where the
    part of the project that reads them is not installed.
    """
    opened: Results = _find_reader("open_results")(path, lab=lab)
    return opened


def open_example(name: str) -> Results:
    """Small results of the laboratory that come with the package: `may-2017`, `telegram-partial`, `national-block`.

    Raises `probe.store.files.atomic.StoreError` for another name; ImportError as above.
    """
    opened: Results = _find_reader("open_example")(name)
    return opened


def _find_reader(name: str) -> Any:
    from importlib import import_module

    try:
        return getattr(import_module(f"{_ANALYSIS}.open_results"), name)  # late: it takes a second
    except ModuleNotFoundError as error:
        if error.name != _ANALYSIS:
            raise
        from probe.core.plugins import explain_missing_part

        raise ImportError(explain_missing_part(f"probe.{name}", "analysis"), name=_ANALYSIS) from None
