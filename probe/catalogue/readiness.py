"""What only people can do before strangers are asked to measure, and whether it is done (`readiness.toml`).

The texts are for the project's own people and are not translated.
"""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

READINESS = Path(__file__).with_name("readiness.toml")
StepState = Literal["open", "begun", "done"]


class ReadinessStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step. Raises ValueError where it is done and does not say when, by whom and where that can be read."""

    name: str
    what: str
    """One line, in English."""
    state: StepState
    day: date | None = None
    """Of the last change of `state`."""
    by: str = ""
    proof: str = ""

    def __post_init__(self) -> None:
        if self.state == "done" and not (self.day and self.by and self.proof):
            raise ValueError(f"step {self.name!r} is done, and needs `day`, `by` and `proof`")
        if self.state != "open" and not self.day:
            raise ValueError(f"step {self.name!r} is {self.state}, and needs `day`")


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    step: tuple[ReadinessStep, ...]


@cache
def read_readiness() -> tuple[ReadinessStep, ...]:
    """The steps, in the file's order. Raises msgspec.ValidationError with the step that is wrong."""
    return msgspec.convert(tomllib.loads(READINESS.read_text(encoding="utf-8")), _File).step


def is_on_trial() -> bool:
    """Some step is not done, so public pages say that the project is on trial."""
    return any(step.state != "done" for step in read_readiness())
