"""Lists in JSON: texts, objects, or names with objects; which of them, the document shows. Bounded; never raises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from probe_analysis.imported.short_texts import shorten
from probe_analysis.plugins.registers.entry_collector import CollectedEntries
from probe_analysis.plugins.registers.register_names import parse_day
from probe_analysis.plugins.registers.register_types import Item, RefusedEntry

MAX_BYTES = 64 << 20
"""Decoded it takes several times as much memory."""
_DATES = ("date", "first_blocked_on", "added", "added_on", "created_at", "includeTime")
_UNTIL = ("term", "until")
_AUTHORITIES = ("authority", "org", "name", "company", "alias")
_DECISIONS = ("decision", "reason", "number")


def read_json(raw: bytes) -> Iterator[Item]:
    """Entries of a list of texts (names, addresses ...), of a list of objects, or of an object name -> object."""
    if len(raw) > MAX_BYTES:
        yield RefusedEntry(place=0, reason=f"is larger than {MAX_BYTES >> 20} MiB")
        return
    try:
        value = msgspec.json.decode(raw.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield RefusedEntry(place=0, reason="is no JSON: the file is cut off, or a page of the server's")
        return
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = value["data"]
    if isinstance(value, dict):
        entries: Iterable[tuple[str, object]] = value.items()
    elif isinstance(value, list):
        entries = (("", item) for item in value)
    else:
        yield RefusedEntry(place=0, reason="is neither a list nor an object")
        return
    for place, (name, item) in enumerate(entries, start=1):
        yield from _entry(place, name, item)


def _entry(place: int, name: str, item: object) -> Iterator[Item]:
    found = CollectedEntries(place=place)
    if isinstance(item, str) and not name:
        found.anything(item)
        yield from found.entry()
        return
    if not isinstance(item, Mapping):
        yield RefusedEntry(place=place, reason="is neither a text nor an object")
        return
    if name:
        found.anything(name)
    found.names((*_texts(item, "domain"), *_texts(item, "domains")))
    found.addresses((*_texts(item, "ip"), *_texts(item, "ips"), *_texts(item, "subnets")))
    found.pages((*_texts(item, "url"), *_texts(item, "urls")))
    whole = True if found.hosts else None
    yield from found.entry(
        whole=whole, date=next(filter(None, (parse_day(item.get(key)) for key in _DATES)), ""),
        until=_first(item, _UNTIL), authority=_first(item, _AUTHORITIES), decision=_first(item, _DECISIONS))


def _texts(item: Mapping[object, object], key: str) -> tuple[str, ...]:
    """One text, or those of a list."""
    value = item.get(key)
    if isinstance(value, str):
        return (value,)
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()


def _first(item: Mapping[object, object], keys: Iterable[str]) -> str:
    """The first of these that is a text or a number."""
    return next((shorten(item[key]) for key in keys if isinstance(item.get(key), (str, int))), "")
