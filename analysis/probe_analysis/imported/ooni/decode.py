"""One line of OONI's data as values: everything optional, nothing trusted, what is ill-typed left out. Pure.

A measurement is decoded by types, which is fast; where its test keys do not fit them, once more as plain values, and
the single operations that do not fit are left out and counted.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from probe.core.json_decoders import get_decoder
from probe_analysis.imported.words.ooni_keys import OPERATIONS, Envelope, TestHelperAnswer, TestKeys, WebKeys

MAX_OPERATIONS = 2000
"""Of one kind in one measurement; the rest is left out."""
MAX_TEXT = 2000
MAX_BRACKETS = 500_000
"""Objects and lists of one line, those within texts counted too: a line of nothing else would fill the memory."""
MAX_COMMAS = 500_000
"""Likewise, for what is in lists and objects."""
_SMALL_LINE = 1 << 20
BAD_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises; a ValidationError is a DecodeError."""
T = TypeVar("T")


class UnreadableError(ValueError):
    """The line is no measurement; the text says why."""


class NotJudgedError(UnreadableError):
    """A measurement that tells nothing that our rules read."""


_ENVELOPE = get_decoder(Envelope)
_WEB = get_decoder(WebKeys)
_PLAIN = msgspec.json.Decoder()


def read_envelope(line: bytes) -> Envelope:
    """The frame of a measurement. Raises Unreadable."""
    if len(line) > _SMALL_LINE:
        if line.count(b"{") + line.count(b"[") > MAX_BRACKETS:
            raise UnreadableError(f"more than {MAX_BRACKETS:,} objects and lists")
        if line.count(b",") > MAX_COMMAS:
            raise UnreadableError(f"more than {MAX_COMMAS:,} values")
    try:
        return _ENVELOPE.decode(line)
    except msgspec.ValidationError as error:
        raise UnreadableError(f"not a measurement: {error}") from None
    except BAD_JSON as error:
        raise UnreadableError(_why(error)) from None


def _why(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else f"no JSON: {error}"


def read_plain_keys(found: Envelope) -> dict[str, Any]:
    """The test keys as plain values. Raises Unreadable."""
    try:
        keys = _PLAIN.decode(found.test_keys)
    except BAD_JSON as error:
        raise UnreadableError(_why(error)) from None
    if not isinstance(keys, dict):
        raise UnreadableError("no test keys")
    return keys


def read_web_keys(found: Envelope) -> tuple[WebKeys, int]:
    """The keys of Web Connectivity, and how many operations did not fit. Raises Unreadable."""
    try:
        return _WEB.decode(found.test_keys), 0
    except BAD_JSON:
        plain = read_plain_keys(found)
    keys, left_out = read_keys(plain)
    made = WebKeys(queries=keys.queries, tcp_connect=keys.tcp_connect, tls_handshakes=keys.tls_handshakes,
                   quic_handshakes=keys.quic_handshakes, requests=keys.requests, control=keys.control,
                   x_dns_duplicate_responses=keys.x_dns_duplicate_responses)
    blocking, accessible, failure = (plain.get(k) for k in ("blocking", "accessible", "control_failure"))
    made.blocking = blocking if isinstance(blocking, str | bool) else None
    made.accessible = accessible if isinstance(accessible, bool) else None
    made.control_failure = failure if isinstance(failure, str | bool) else None
    return made, left_out


def read_keys(plain: dict[str, Any]) -> tuple[TestKeys, int]:
    """The operations in plain test keys, and how many did not fit."""
    made, left_out = TestKeys(), 0
    for name, kind in OPERATIONS.items():
        items = plain.get(name)
        if isinstance(items, list):
            fitting = convert_value(items[:MAX_OPERATIONS], kind)
            if fitting is None:  # not all fit
                fitting = [one for item in items[:MAX_OPERATIONS] for one in convert_value([item], kind) or ()]
            left_out += len(items) - len(fitting)
            setattr(made, name, fitting)
    control = plain.get("control")
    made.control = convert_value(control, TestHelperAnswer) if isinstance(control, dict) else None
    if made.control is None and isinstance(control, dict):
        made.control = _read_fitting_parts(control)
        left_out += 1
    return made, left_out


def _read_fitting_parts(answer: dict[str, Any]) -> TestHelperAnswer:
    """The parts of a helper's answer that fit."""
    made = TestHelperAnswer()
    for name in TestHelperAnswer.__struct_fields__:
        part = convert_value({name: answer.get(name)}, TestHelperAnswer)
        if part is not None:
            setattr(made, name, getattr(part, name))
    return made


def convert_value(item: object, kind: type[T]) -> T | None:
    """A plain value as one of these, or None when it does not fit."""
    try:
        return msgspec.convert(item, kind, strict=False)
    except (msgspec.ValidationError, RecursionError, OverflowError):
        return None
