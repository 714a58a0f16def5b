"""Application stores with storefronts: what is on sale where, as the faults of a scenario have it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from probe_lab.lab_types import Fault
from probe_lab.servers.faults import Faults, text, texts
from probe_lab.servers.http1 import Reply, Request
from probe_lab.servers.shelves import (
    DETAILS_HOST,
    DETAILS_PATH,
    LOOKUP_HOST,
    LOOKUP_PATH,
    NOT_FOUND,
    Document,
    Query,
    app_store_lookup,
    json_document,
    play_details,
)

_HTML = "text/html; charset=utf-8"
_CONSENT = "https://consent.google.com/m?continue=https%3A%2F%2Fplay.google.com%2Fstore"
_PAGES = {LOOKUP_HOST: LOOKUP_PATH, DETAILS_HOST: DETAILS_PATH}


def store_reply(faults: Faults, host: str, request: Request) -> Reply | None:
    """What a store answers where a scenario says what it has; None for all that concerns no store's offer."""
    parts = urlsplit(request.target)
    wanted = faults.of("store", host)
    if not wanted or _PAGES.get(host) != parts.path:
        return None
    query = parse_qs(parts.query)
    for fault in wanted:
        if fault.kind == "store_strange" and _concerns(fault, _storefront(query)):
            return _strange(host, text(fault.params, "style", "page"), query)
    return _offer(wanted, host, query)


def _offer(faults: tuple[Fault, ...], host: str, query: Query) -> Reply:
    def on_sale(app: str, storefront: str) -> bool:
        gone = [fault for fault in faults if fault.kind == "store_delisted" and _concerns(fault, storefront)]
        return not any(app in texts(fault.params, "apps") or not texts(fault.params, "apps") for fault in gone)

    if host == LOOKUP_HOST:
        return _found(app_store_lookup(query, on_sale))
    page = any(text(fault.params, "style", "404") == "page" for fault in faults if fault.kind == "store_delisted")
    if page or on_sale(query.get("id", [""])[0], _storefront(query)):
        return _found(play_details(query, on_sale))
    return Reply(status=404, headers=(("Content-Type", _HTML),), body=NOT_FOUND.encode())


def _strange(host: str, style: str, query: Query) -> Reply:
    if style == "limited":
        return Reply(status=429, headers=(("Content-Type", _HTML), ("Retry-After", "3600")), body=b"<p>Slow down</p>")
    if style == "consent":
        return Reply(status=302, headers=(("Location", _CONSENT),))
    if style == "cut" and host == LOOKUP_HOST:
        whole = app_store_lookup(query)
        return _found(Document(content_type=whole.content_type, body=whole.body[: len(whole.body) // 2]))
    if style == "count" and host == LOOKUP_HOST:
        return _found(json_document({"resultCount": 3, "results": []}))
    if style == "elsewhere" and host == LOOKUP_HOST:
        return _found(app_store_lookup({**query, "country": ["zz"]}))
    return _found(Document(content_type=_HTML, body=b"<!doctype html><title>Welcome</title><p>Sign in to go on</p>"))


def _found(document: Document) -> Reply:
    return Reply(status=200, headers=(("Content-Type", document.content_type),), body=document.body, compress=True)


def _storefront(query: Query) -> str:
    return (query.get("country") or query.get("gl") or ["us"])[0].lower()


def _concerns(fault: Fault, storefront: str) -> bool:
    named = texts(fault.params, "storefronts")
    return not named or storefront in named
