"""An installation without the parts of the project that bring entry points."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import pytest


def hide_plugins(monkeypatch: pytest.MonkeyPatch, *groups: str) -> None:
    """No installed distribution brings entry points of these groups any more."""
    every: Any = importlib.metadata.entry_points

    def rest(*, group: str, **chosen: str) -> Any:
        return importlib.metadata.EntryPoints() if group in groups else every(group=group, **chosen)

    monkeypatch.setattr(importlib.metadata, "entry_points", rest)
