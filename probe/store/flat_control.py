"""A control's answer as one flat row and back: its places are texts in a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import msgspec

from probe.core.observations import ControlAnswer
from probe.store.text_forms import format_place, read_place

_OF_PLACES = ("tcp", "tls", "udp", "leaf_keys", "ja4s", "app", "shapes", "served_in")
_NAMES = tuple(f.name for f in fields(ControlAnswer))


def flatten_control(answer: ControlAnswer) -> dict[str, Any]:
    """Column -> value."""
    values = {name: getattr(answer, name) for name in _NAMES}
    return values | {name: tuple((format_place(place), word) for place, word in values[name]) for name in _OF_PLACES}


def nest_control(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with values for the texts of places.

    Raises msgspec.ValidationError where a column that should hold pairs of texts does not.
    """
    pairs = {name: msgspec.convert(row[name], tuple[tuple[str, str], ...]) for name in _OF_PLACES if name in row}
    return {**row} | {name: tuple((read_place(text), word) for text, word in of) for name, of in pairs.items()}
