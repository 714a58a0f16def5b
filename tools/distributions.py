"""The project's distributions: where each lies, and with which extras the tests are installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDERS: Final[Mapping[str, str]] = {
    "reachability-probe": ".", "reachability-analysis": "analysis", "reachability-operate": "operate",
    "reachability-lab": "lab",
}
"""Distribution -> folder below the root with its pyproject.toml."""
PACKAGES: Final = ("probe", "analysis/probe_analysis", "operate/probe_operate", "lab/probe_lab")
"""The folder of the package of each, in the same order."""
TESTED: Final[Mapping[str, tuple[str, ...]]] = {
    "reachability-probe": ("dev",), "reachability-analysis": ("alerts", "notebooks"),
    "reachability-operate": ("collect",), "reachability-lab": ("demo", "fleet", "peers", "users"),
}
"""Distribution -> extras: what the Makefile installs for the tests, and what some of them skip without."""
