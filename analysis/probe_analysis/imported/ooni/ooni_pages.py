"""Responses as OONI writes them (df-001), and what is kept of them: never the body itself. Pure."""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from typing import NamedTuple

from probe.core.observation_parts import HttpPart
from probe.core.typed_cache import keep_results
from probe.instruments.address_echoes import remove_addresses
from probe.instruments.fingerprint_match import NO_MATCH, FingerprintIndex, FingerprintMatch, get_index
from probe.instruments.streams.http_parts import (
    MAX_BODY_BYTES,
    MAX_HEADER_NAMES,
    MAX_VALUE,
    hash_body,
    read_clock_offset_s,
    read_title,
)
from probe_analysis.imported.imported_measurement import MeasurementEnvelope
from probe_analysis.imported.ooni.decode import MAX_TEXT
from probe_analysis.imported.row_filling import make_builder
from probe_analysis.imported.words.ooni_keys import BinaryText, HttpResponse, HttpTransaction
from probe_analysis.imported.words.translated_words import first_time_s

_make_http = make_builder(HttpPart)
_SHORT = 4096
"""Bytes of a page whose reading is remembered."""


class _PageText(NamedTuple):
    """What a body says, and what it matches together with its headers."""

    title: str
    sha256: str
    match: FingerprintMatch


class Page(NamedTuple):
    """What is kept of an exchange and of the page that came."""

    http: HttpPart
    match: FingerprintMatch


def read_page(envelope: MeasurementEnvelope, one: HttpTransaction, response: HttpResponse | None, *, url: str,
              method: str) -> Page:
    """An exchange; `response`: None where none came."""
    if response is None:
        return Page(HttpPart(url=url, method=method), NO_MATCH)
    headers = read_headers(response)
    first: dict[str, str] = {}
    for name, value in headers:
        first.setdefault(name.lower(), value)
    body = body_bytes(response.body)
    index = get_index()
    telling = tuple([(name, value) for name, value in headers if name.lower() in index.headers])
    is_short = len(body) + sum([len(value) for _, value in telling]) <= _SHORT
    page = (_tell_short if is_short else _tell)(index, telling, body)
    date = first.get("date", "")
    now = envelope.start + timedelta(seconds=min(first_time_s(one.t), 86400.0))
    return Page(_make_http(
        url=url, method=method, status=response.code if response.code and 0 < response.code < 1000 else 0,
        location=first.get("location", "")[:MAX_VALUE], server=first.get("server", "")[:MAX_VALUE],
        title=page.title, header_names=tuple([n[:64] for n, _ in headers[:MAX_HEADER_NAMES]]),
        body_bytes=len(body), body_sha256=page.sha256, body_truncated=bool(response.body_is_truncated),
        clock_offset_s=read_clock_offset_s(date, now) if date else None,
    ), page.match)


def _tell(index: FingerprintIndex, telling: tuple[tuple[str, str], ...], body: bytes) -> _PageText:
    head = body[:MAX_BODY_BYTES]
    title = read_title(head)
    return _PageText(title=remove_addresses(title), sha256=hash_body(body) if body else "",
                     match=index.of_page(telling, title, head))


_tell_short = keep_results(512)(_tell)
"""Servers that are no web site's answer every measurement alike, and briefly."""


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
