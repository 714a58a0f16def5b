"""A list of what people must do, in the state that a test needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.catalogue import readiness

OPEN = ("open", "")
"""State and further lines of a step that nobody began."""


def write_readiness(monkeypatch: pytest.MonkeyPatch, folder: Path, *steps: tuple[str, str]) -> None:
    """These steps, (state, further lines) each, stand in place of the packaged ones while the test runs."""
    made = folder / "readiness.toml"
    made.write_text("".join(f'[[step]]\nname = "step-{number}"\nwhat = "What"\nstate = "{state}"\n{lines}\n'
                            for number, (state, lines) in enumerate(steps)), encoding="utf-8")
    monkeypatch.setattr(readiness, "READINESS", made)
    read = readiness.read_readiness
    monkeypatch.setattr(readiness, "read_readiness", getattr(read, "__wrapped__", read))
