"""Responses as OONI writes them (df-001), and what is kept of them: never the body itself. Pure."""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from typing import Any

from probe.core.observations import Observation
from probe.core.renewal import renew
from probe.interop.imported_measurement import MeasurementEnvelope
from probe.interop.ooni.decode import MAX_TEXT
from probe.interop.words.ooni_keys import BinaryText, HttpResponse, HttpTransaction
from probe.interop.words.translated_words import first_time_s
from probe.measurement.address_echoes import remove_addresses
from probe.measurement.fingerprint_match import NO_MATCH, FingerprintMatch, get_index
from probe.measurement.streams.http_parts import (
    MAX_BODY_BYTES,
    MAX_HEADER_NAMES,
    MAX_VALUE,
    hash_body,
    read_clock_offset_s,
    read_title,
)


def with_page(seen: Observation, envelope: MeasurementEnvelope, one: HttpTransaction,
              response: HttpResponse) -> Observation:
    """The observation with what is kept of a page that came."""
    headers = read_headers(response)
    first: dict[str, str] = {}
    for name, value in headers:
        first.setdefault(name.lower(), value)
    body = body_bytes(response.body)
    head = body[:MAX_BODY_BYTES]
    title = read_title(head)
    date = first.get("date", "")
    now = envelope.start + timedelta(seconds=min(first_time_s(one.t), 86400.0))
    return renew(seen, bytes_read=len(body), http=renew(
        seen.http, status=response.code if response.code and 0 < response.code < 1000 else 0,
        location=first.get("location", "")[:MAX_VALUE], server=first.get("server", "")[:MAX_VALUE],
        title=remove_addresses(title), header_names=tuple(n[:64] for n, _ in headers[:MAX_HEADER_NAMES]),
        body_bytes=len(body), body_sha256=hash_body(body) if body else "",
        body_truncated=bool(response.body_is_truncated),
        clock_offset_s=read_clock_offset_s(date, now) if date else None,
    ),
    **make_fingerprint_fields(get_index().of_page(headers, title, head)))


def make_fingerprint_fields(match: FingerprintMatch) -> dict[str, Any]:
    """The fields of a known answer or page."""
    return {} if match is NO_MATCH else {"fingerprint": match.name, "fingerprint_scope": match.scope}


def read_headers(response: HttpResponse) -> list[tuple[str, str]]:
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
        return _unpack(value["data"]).decode("utf-8", "replace")[:MAX_TEXT]
    return ""


def body_bytes(body: str | BinaryText | None) -> bytes:
    """The body, however it is written."""
    if isinstance(body, str):
        return body.encode("utf-8", "replace")
    return _unpack(body.data) if body is not None else b""


def _unpack(data: str) -> bytes:
    try:
        return base64.b64decode(data)
    except (binascii.Error, ValueError):
        return b""
