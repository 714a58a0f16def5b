"""One line of OONI's data as values: everything optional, nothing trusted, what is ill-typed left out. Pure.

A measurement is decoded by types, which is fast; where its test keys do not fit them, once more as plain values, and
the single operations that do not fit are left out and counted.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from probe.interop.words.ooni_keys import OPERATIONS, Envelope, Keys, Told, WebKeys

MAX_OPERATIONS = 2000
"""Of one kind in one measurement; the rest is left out."""
MAX_TEXT = 2000
MAX_BRACKETS = 500_000
"""Objects and lists of one line, those within texts counted too: a line of nothing else would fill the memory."""
_SMALL_LINE = 1 << 20
BAD_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises; a ValidationError is a DecodeError."""
T = TypeVar("T")


class Unreadable(ValueError):
    """The line is no measurement; the text says why."""


class NotJudged(Unreadable):
    """A measurement that tells nothing that our rules read."""


_ENVELOPE = msgspec.json.Decoder(Envelope)
_WEB = msgspec.json.Decoder(WebKeys)
_PLAIN = msgspec.json.Decoder()


def envelope_of(line: bytes) -> Envelope:
    """The frame of a measurement. Raises Unreadable."""
    if len(line) > _SMALL_LINE and line.count(b"{") + line.count(b"[") > MAX_BRACKETS:
        raise Unreadable(f"more than {MAX_BRACKETS:,} objects and lists")
    try:
        return _ENVELOPE.decode(line)
    except msgspec.ValidationError as error:
        raise Unreadable(f"not a measurement: {error}") from None
    except BAD_JSON as error:
        raise Unreadable(_why(error)) from None


def _why(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else f"no JSON: {error}"


def plain_keys(found: Envelope) -> dict[str, Any]:
    """The test keys as plain values. Raises Unreadable."""
    try:
        keys = _PLAIN.decode(found.test_keys)
    except BAD_JSON as error:
        raise Unreadable(_why(error)) from None
    if not isinstance(keys, dict):
        raise Unreadable("no test keys")
    return keys


def web_keys(found: Envelope) -> tuple[WebKeys, int]:
    """The keys of Web Connectivity, and how many operations did not fit. Raises Unreadable."""
    try:
        return _WEB.decode(found.test_keys), 0
    except BAD_JSON:
        plain = plain_keys(found)
    keys, left_out = keys_of(plain)
    made = WebKeys(queries=keys.queries, tcp_connect=keys.tcp_connect, tls_handshakes=keys.tls_handshakes,
                   quic_handshakes=keys.quic_handshakes, requests=keys.requests, control=keys.control,
                   x_dns_duplicate_responses=keys.x_dns_duplicate_responses)
    blocking, accessible, failure = (plain.get(k) for k in ("blocking", "accessible", "control_failure"))
    made.blocking = blocking if isinstance(blocking, str | bool) else None
    made.accessible = accessible if isinstance(accessible, bool) else None
    made.control_failure = failure if isinstance(failure, str | bool) else None
    return made, left_out


def keys_of(plain: dict[str, Any]) -> tuple[Keys, int]:
    """The operations in plain test keys, and how many did not fit."""
    made, left_out = Keys(), 0
    for name, kind in OPERATIONS.items():
        items = plain.get(name)
        if isinstance(items, list):
            fitting = [one for item in items[:MAX_OPERATIONS] if (one := converted(item, kind)) is not None]
            left_out += len(items) - len(fitting)
            setattr(made, name, fitting)
    told = plain.get("control")
    made.control = converted(told, Told) if isinstance(told, dict) else None
    if made.control is None and isinstance(told, dict):
        made.control = _told_part(told)
        left_out += 1
    return made, left_out


def _told_part(told: dict[str, Any]) -> Told:
    """The parts of a helper's answer that fit."""
    made = Told()
    for name in Told.__struct_fields__:
        part = converted({name: told.get(name)}, Told)
        if part is not None:
            setattr(made, name, getattr(part, name))
    return made


def converted(item: object, kind: type[T]) -> T | None:
    """A plain value as one of these, or None when it does not fit."""
    try:
        return msgspec.convert(item, kind, strict=False)
    except (msgspec.ValidationError, RecursionError, OverflowError):
        return None
