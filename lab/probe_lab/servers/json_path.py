"""The smallest JSON value in which a path such as `results[0].trackId=42` holds."""

from __future__ import annotations

import json
import re

_STEP = re.compile(r"\[(\d+)\]|([^.\[]+)")

MAX_INDEX = 99


def value_at(wanted: str) -> object:
    """A value with `path` set to the text after `=` (read as JSON where it is JSON), or to `"present"`.

    Raises ValueError for an index above 99.
    """
    path, equals, text = wanted.partition("=")
    value: object = _literal(text) if equals else "present"
    for match in reversed(list(_STEP.finditer(path))):
        index, name = match.groups()
        if index is None:
            value = {"id": 1, name: value}
        elif int(index) <= MAX_INDEX:
            value = [*([{}] * int(index)), value]
        else:
            raise ValueError(f"{wanted}: index above {MAX_INDEX}")
    return value


def _literal(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
