"""What a store's answer to a lookup says, read from hostile bytes. Pure.

App Store: the lookup call of the iTunes Search API, by ids and storefront. An application that is not there is simply
not in the list. Google Play: the page of one application. Its data say whether it can be installed; where that cannot
be read, being listed is no proof.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import msgspec

from probe.core.json_decoders import decode_json
from probe_analysis.tables.store_states import LIMITED, STRANGE, UNTOLD

MAX_BODY_BYTES = 3 << 20
"""A page of Google Play is about one megabyte; twenty entries of the App Store are less."""
_LIMITED = (403, 429, 503)
_MAX_RESULTS = 200
_LINK = re.compile(rb"<link\b[^<>]{0,600}>|<meta\b[^<>]{0,600}>", re.IGNORECASE)
_OF_LINK = re.compile(rb"""\b(rel|property|href|content)\s*=\s*(?:"([^"]{0,500})"|'([^']{0,500})')""", re.IGNORECASE)
_DATA = re.compile(rb"AF_initDataCallback\(\{key:\s*'ds:5'[^\[]{0,200}\bdata:(?=\[)")
_AVAILABLE = (1, 2, 18, 0)
"""Where in block ds:5 Google Play keeps whether the application can be installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAnswer:
    """What one answer says of the applications that were asked for; with a `word` (a reason of
    `probe_analysis.tables.store_states`) it says nothing."""

    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    word: str = ""


class _Item(msgspec.Struct):
    trackId: int = 0
    kind: str = ""
    trackViewUrl: str = ""


class _Lookup(msgspec.Struct):
    resultCount: int
    results: list[_Item]


def read_app_store_lookup(*, status: int, body: bytes, truncated: bool, asked: Sequence[str],
                          storefront: str) -> StoreAnswer:
    """The App Store's answer about some ids."""
    if status in _LIMITED:
        return StoreAnswer(word=LIMITED)
    if status != 200 or truncated:
        return StoreAnswer(word=STRANGE)
    try:
        found = decode_json(body, _Lookup)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):  # of a page, as a limit shows too
        return StoreAnswer(word=STRANGE)
    ids = {str(item.trackId) for item in found.results[:_MAX_RESULTS]}
    strange = (found.resultCount != len(found.results) or not ids <= set(asked)
               or any(item.kind not in ("", "software") for item in found.results)
               or any(_storefront_of(item.trackViewUrl) not in ("", storefront) for item in found.results))
    return StoreAnswer(word=STRANGE) if strange else StoreAnswer(present=frozenset(ids),
                                                                 absent=frozenset(set(asked) - ids))


def _storefront_of(url: str) -> str:
    """`ru` of `https://apps.apple.com/ru/app/...`; empty where it is not told."""
    found = re.match(r"https://(?:apps|itunes)\.apple\.com/([a-z]{2})/", url[:100])
    return found[1] if found else ""


def read_play_details(*, status: int, body: bytes, truncated: bool, asked: Sequence[str],
                      storefront: str) -> StoreAnswer:
    """Google Play's page about one package; it is English by the request, and does not tell its storefront."""
    del storefront
    package = asked[0]
    if status == 404:
        return StoreAnswer(absent=frozenset(asked))
    if status in _LIMITED:
        return StoreAnswer(word=LIMITED)
    if status != 200 or _package_of(body) != package:
        return StoreAnswer(word=STRANGE)
    available = _available(body)
    if available is None or truncated:
        return StoreAnswer(word=UNTOLD)
    return StoreAnswer(present=frozenset(asked)) if available else StoreAnswer(absent=frozenset(asked))


def _package_of(body: bytes) -> str:
    """The package that a page names as its own subject (`rel=canonical`, `og:url`); empty for none or several."""
    found = set()
    for tag in _LINK.findall(body[: 1 << 20])[:500]:
        parts = {name.lower(): one or other for name, one, other in _OF_LINK.findall(tag)}
        if parts.get(b"rel") == b"canonical":
            found.add(_query_id(parts.get(b"href", b"")))
        elif parts.get(b"property") == b"og:url":
            found.add(_query_id(parts.get(b"content", b"")))
    return found.pop() if len(found) == 1 else ""


def _query_id(url: bytes) -> str:
    try:
        parts = urlsplit(html.unescape(url.decode("ascii", "replace")))
        here = parts.hostname == "play.google.com" and parts.path == "/store/apps/details"
        return parse_qs(parts.query).get("id", [""])[0] if here else ""
    except ValueError:
        return ""


def _available(body: bytes) -> bool | None:
    """Whether the page says that the application can be installed; None where it does not say."""
    found = _DATA.search(body)
    if not found:
        return None
    end = _end_of_list(body, found.end())
    try:
        value = msgspec.json.decode(body[found.end():end]) if end else None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    for step in _AVAILABLE:
        if not isinstance(value, list) or len(value) <= step:
            return None
        value = value[step]
    return bool(value) if value in (0, 1) else None


def _end_of_list(body: bytes, start: int) -> int:
    """Behind the list that begins at `start`; 0 where it does not end."""
    depth, inside = 0, False
    for token in re.finditer(rb'\\.|["\[\]]', body[start:], re.DOTALL):
        mark = token[0]
        if mark == b'"':
            inside = not inside
        elif not inside and mark in (b"[", b"]"):
            depth += 1 if mark == b"[" else -1
            if not depth:
                return start + token.end()
    return 0


READERS: Mapping[str, Callable[..., StoreAnswer]] = {"app_store": read_app_store_lookup,
                                                     "google_play": read_play_details}
"""Store -> how its answers are read."""
