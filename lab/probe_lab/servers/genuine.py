"""What the genuine services answer: for each row of the catalogue a reply that follows from the row and the seed.

Where a service's document is known it is served as it is; elsewhere a page is made up that holds what the row
says the service shows. Everything else about a reply (length, framing, compression, server software) varies.
"""

from __future__ import annotations

import base64
import hashlib
import random
import re
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from probe.core.endpoints import Endpoint, Expectation
from probe_lab.servers.documents import known_document
from probe_lab.servers.http1 import Reply, Request
from probe_lab.servers.json_path import value_at
from probe_lab.servers.served_pages import page
from probe_lab.servers.served_sites import Site
from probe_lab.servers.shelves import DETAILS_HOST, LOOKUP_HOST, Document, json_document

_CLASSES = {"2": (200,), "3": (301, 302), "4": (400, 401, 404, 405), "5": (500, 503)}
"""Which codes stand for a class such as `4xx`."""

SHOPS = (LOOKUP_HOST, DETAILS_HOST)
"""Application stores answer for any storefront and application, not for those of the catalogue alone."""

_UNNAMED = ("200", "200", "200", "200", "302", "404")
"""What services answer at places of which nothing is known."""

_BODILESS = (204, 304)

_LARGE_SHARE, _LARGEST_PAGE = 0.25, 300_000
"""Share of the pages that are larger than 60 kB, and the size that none exceeds."""

_SOFTWARE = ("nginx", "nginx/1.24.0", "Apache", "openresty", "cloudflare", "envoy", "Server")

_WEBSOCKET_KEY = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455 1.3."""


class GenuineServices:
    """Replies of all services of one world."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._patterns: dict[tuple[str, int], list[tuple[re.Pattern[str], Endpoint]]] = {}
        self._listed: dict[str, Reply] = {}
        """By input: each is the same every time."""

    def reply(self, site: Site, request: Request) -> Reply:
        """The reply of a site to a request for it or for a name that it does not know."""
        if request.host not in (*site.names, site.host):
            return _plain(404, page(random.Random(f"{self._seed}:{site.host}:default"), title="Not found", size=600))
        path = unquote(request.target)
        row = next((row for pattern, row in self._of(site) if pattern.fullmatch(path)), None)
        if row is None:
            return self._unlisted(site, request)
        if _is_websocket(row) and request.headers.get("upgrade", "").lower() == "websocket":
            return _switch(request)
        if row.input not in self._listed:
            self._listed[row.input] = _reply_of(row, random.Random(f"{self._seed}:{row.input}"))
        return self._listed[row.input]

    def _of(self, site: Site) -> list[tuple[re.Pattern[str], Endpoint]]:
        key = (site.host, site.port)
        if key not in self._patterns:
            self._patterns[key] = [(_pattern(row.input), row) for row in site.rows]
        return self._patterns[key]

    def _unlisted(self, site: Site, request: Request) -> Reply:
        rng = random.Random(f"{self._seed}:{site.host}:{request.target}")
        parts = urlsplit(request.target)
        if site.host in SHOPS and (found := known_document(site.host, parts.path, parts.query)):
            return Reply(status=200, headers=(("Content-Type", found.content_type),), body=found.body, compress=True)
        if parts.path in ("/", "/welcome"):
            return _plain(200, page(rng, title=site.names[0], size=rng.randint(1000, 20000)), rng=rng)
        return _plain(404, page(rng, title="404 Not Found", size=rng.randint(300, 2000)), rng=rng)


def _reply_of(row: Endpoint, rng: random.Random) -> Reply:
    status = _status(row.expect, rng, http=not _is_websocket(row))
    document = _document(row, rng, status=status)
    headers = [("Content-Type", document.content_type), ("Server", rng.choice(_SOFTWARE))]
    if document.encoding:
        headers.append(("Content-Encoding", document.encoding))
    if row.expect.header:
        headers.append((row.expect.header, base64.b64encode(rng.randbytes(18)).decode()))
    if status in (301, 302):
        headers.append(("Location", _location(row)))
    if status in _BODILESS:
        headers = [header for header in headers if header[0] != "Content-Type"]
    return Reply(
        status=status,
        headers=tuple(headers),
        body=document.body,
        chunked=rng.random() < 0.4,
        compress=not document.encoding and rng.random() < 0.5,
    )


def _is_websocket(row: Endpoint) -> bool:
    return urlsplit(row.input).scheme in ("wss", "ws")


def _pattern(url: str) -> re.Pattern[str]:
    """Matches path and query of a row; a template such as `{cc}` matches whatever stands in its place."""
    parts = urlsplit(url)
    target = unquote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    pieces = re.split(r"\{\w+\}", target)
    return re.compile("[^/?&]+".join(re.escape(piece) for piece in pieces))


def _status(expect: Expectation, rng: random.Random, *, http: bool) -> int:
    """One of the statuses that the row allows, fit for what else it wants; not 101 without an upgrade."""
    allowed = [code for token in expect.status for code in _codes(token)]
    codes = [code for code in allowed or [int(code) for code in _UNNAMED] if code != 101]
    if not codes and not http:
        return 426
    if expect.location:
        codes = [code for code in codes if code in (301, 302)] or codes
    elif expect.body or expect.json:
        codes = [code for code in codes if code == 200] or [code for code in codes if code not in _BODILESS]
    return rng.choice(codes)


def _codes(token: str) -> Sequence[int]:
    if token == "any":
        return [int(code) for code in _UNNAMED]
    if token.endswith("xx"):
        return _CLASSES[token[0]]
    return (int(token),)


def _document(row: Endpoint, rng: random.Random, *, status: int) -> Document:
    parts, expect = urlsplit(row.input), row.expect
    if status in _BODILESS:
        return Document(content_type="", body=b"")
    known = known_document(row.host.lower(), parts.path or "/", parts.query)
    if known:
        return known
    if expect.json:
        return json_document(value_at(expect.json))
    wanted = rng.choice(expect.body) if expect.body else ""
    if parts.path.endswith((".txt", ".csv")):
        lines = [wanted or "User-agent: *", "Disallow: /private/", "Allow: /", *(f"# {n}" for n in range(40))]
        return Document(content_type="text/plain; charset=utf-8", body="\n".join(lines).encode())
    title = wanted or {200: f"{row.service} - {row.host}"}.get(status, f"{status}")
    size = _page_size(rng) if status == 200 else rng.randint(200, 1500)
    return Document(content_type="text/html; charset=utf-8", body=page(rng, title=title, size=size).encode())


def _page_size(rng: random.Random) -> int:
    """Most pages of messengers are small, some are applications of a few hundred kilobytes."""
    return rng.randint(60_000, _LARGEST_PAGE) if rng.random() < _LARGE_SHARE else rng.randint(1000, 60_000)


def _location(row: Endpoint) -> str:
    parts, wanted = urlsplit(row.input), row.expect.location
    if not wanted:
        return f"{parts.scheme}://{parts.netloc}/welcome"
    if wanted.rstrip(":/") in ("http", "https"):
        return f"{wanted.rstrip(':/')}://{parts.netloc}{parts.path}"
    if wanted.startswith("/"):
        return f"{parts.scheme}://{parts.netloc}{wanted}"
    return wanted if "://" in wanted else f"https://{wanted}{'' if '/' in wanted else '/'}"


def _switch(request: Request) -> Reply:
    key = request.headers.get("sec-websocket-key", "") + _WEBSOCKET_KEY
    accept = base64.b64encode(hashlib.sha1(key.encode("latin-1", "replace")).digest()).decode()
    headers = (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept))
    return Reply(status=101, headers=headers)


def _plain(status: int, text: str, *, rng: random.Random | None = None) -> Reply:
    software = rng.choice(_SOFTWARE) if rng else "nginx"
    headers = (("Content-Type", "text/html; charset=utf-8"), ("Server", software))
    return Reply(status=status, headers=headers, body=text.encode())
