"""What a row of an event says, whether an analysis or its log holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_TEXT = 80
"""So many characters of a name of others are shown."""


def rests_on_known_names(row: Mapping[str, Any]) -> bool:
    """Whether names that were known before carry an event."""
    return "fresh_names" in row["ruled_out"]
