"""Texts of others, as of legal lists and outages, on one line each. Pure."""

from __future__ import annotations

import re

MAX_TEXT = 200
_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def shorten(text: object) -> str:
    """A text on one line, bounded."""
    return " ".join(_HIDDEN.sub(" ", str(text)[: MAX_TEXT * 4]).split())[:MAX_TEXT]
