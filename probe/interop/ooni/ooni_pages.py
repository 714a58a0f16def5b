"""Responses as OONI writes them (df-001), and what is kept of them: never the body itself. Pure."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from datetime import timedelta
from typing import Any

from probe.core.observations import Observation
from probe.interop.imported_measurement import Frame
from probe.interop.ooni.decode import MAX_TEXT
from probe.interop.words.ooni_keys import Binary, Exchange, Response
from probe.interop.words.translated_words import seconds
from probe.measurement.address_echoes import without_addresses
from probe.measurement.fingerprint_match import NONE, Match, known
from probe.measurement.streams.http_parts import (
    MAX_BODY_BYTES,
    MAX_HEADER_NAMES,
    MAX_VALUE,
    body_hash,
    clock_offset_s,
    title_of,
)


def with_page(seen: Observation, frame: Frame, one: Exchange, response: Response) -> Observation:
    """The observation with what is kept of a page that came."""
    headers = header_pairs(response)
    first: dict[str, str] = {}
    for name, value in headers:
        first.setdefault(name.lower(), value)
    body = body_bytes(response.body)
    head = body[:MAX_BODY_BYTES]
    title = title_of(head)
    date = first.get("date", "")
    now = frame.start + timedelta(seconds=min(seconds(one.t), 86400.0))
    return replace(seen, bytes_read=len(body), http=replace(
        seen.http, status=response.code if response.code and 0 < response.code < 1000 else 0,
        location=first.get("location", "")[:MAX_VALUE], server=first.get("server", "")[:MAX_VALUE],
        title=without_addresses(title), header_names=tuple(n[:64] for n, _ in headers[:MAX_HEADER_NAMES]),
        body_bytes=len(body), body_sha256=body_hash(body) if body else "",
        body_truncated=bool(response.body_is_truncated), clock_offset_s=clock_offset_s(date, now) if date else None,
    ),
    **mark_fields(known().of_page(headers, title, head)))


def mark_fields(match: Match) -> dict[str, Any]:
    """The fields of a known answer or page."""
    return {} if match is NONE else {"fingerprint": match.name, "fingerprint_scope": match.scope}


def header_pairs(response: Response) -> list[tuple[str, str]]:
    """Names and values of headers, in either of the forms in which they are written."""
    found: list[tuple[str, str]] = []
    for item in (response.headers_list or ())[:200]:
        if isinstance(item, list) and len(item) == 2 and isinstance(item[0], str):
            found.append((item[0], _value(item[1])))
    if found:
        return found
    return [(name, _value(value[0] if isinstance(value, list) and value else value))
            for name, value in list((response.headers or {}).items())[:200]]


def _value(value: object) -> str:
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, dict) and isinstance(value.get("data"), str):
        return _unpacked(value["data"]).decode("utf-8", "replace")[:MAX_TEXT]
    return ""


def body_bytes(body: str | Binary | None) -> bytes:
    """The body, however it is written."""
    if isinstance(body, str):
        return body.encode("utf-8", "replace")
    return _unpacked(body.data) if body is not None else b""


def _unpacked(data: str) -> bytes:
    try:
        return base64.b64decode(data)
    except (binascii.Error, ValueError):
        return b""
