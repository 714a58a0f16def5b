"""Does a response meet the catalogue's expectation? Pure; total on hostile bodies."""

from __future__ import annotations

import json
import re

from probe.core.endpoints import Expectation
from probe.core.tables.http_status import is_status
from probe.instruments.streams.http_parts import HttpExchange

_STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,4})\]")
_MAX_STEPS = 16


def find_mismatch(expect: Expectation, got: HttpExchange) -> str:
    """Empty when `got` is what `expect` describes; else what differs, in a few words."""
    if expect.status and not any(is_status(got.status, word) for word in expect.status):
        return f"status {got.status}, expected {'|'.join(expect.status)}"
    if expect.header and not got.header(expect.header.lower()):
        return f"no {expect.header} header"
    if expect.location and expect.location.lower() not in got.header("location").lower():
        return f"Location without {expect.location}"
    text = got.body.decode("utf-8", "replace")
    if expect.body and not any(alternative.lower() in text.lower() for alternative in expect.body):
        return "" if got.truncated and got.status == 200 else "body without the expected text"
    return _json_mismatch(expect.json, text) if expect.json else ""


def expects_anything(expect: Expectation) -> bool:
    """True when the catalogue says anything about the response."""
    return bool(expect.status or expect.body or expect.header or expect.location or expect.json)


def _json_mismatch(rule: str, text: str) -> str:
    path, equals, value = rule.partition("=")
    try:
        node = json.loads(text)
    except (ValueError, RecursionError):
        return "body is no JSON"
    for name, index in _STEP.findall(path)[:_MAX_STEPS]:
        try:
            node = node[int(index)] if index else node[name]
        except (KeyError, IndexError, TypeError):
            return f"JSON without {path}"
    if equals and (node if isinstance(node, str) else json.dumps(node)) != value:
        return f"JSON {path} is not {value}"
    return ""
