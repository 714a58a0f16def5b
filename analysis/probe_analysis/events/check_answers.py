"""What may come of one question about a window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Answer: TypeAlias = Literal["explains", "out", "open", "doubt"]
Numbers: TypeAlias = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAnswer:
    """What came of one question, and what was counted for it."""

    answer: Answer
    numbers: Numbers = field(default_factory=dict)
