"""What an HTTP exchange is and how its parts are read; the speaking itself is in
`probe.instruments.streams.http_exchange`."""

from __future__ import annotations

import hashlib
import html
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from probe import __version__
from probe.core.tables.failures import Failure
from probe.instruments.address_echoes import remove_addresses

MAX_BODY_BYTES = 16384
MAX_EXCERPT = 300
MAX_TITLE = 200
MAX_VALUE = 500
MAX_HEADER_NAMES = 40
REQUEST_HEADERS = {
    "User-Agent": f"Mozilla/5.0 (compatible; reachability-probe/{__version__})",
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Accept-Language": "en",
    "Accept-Encoding": "gzip, deflate",
}
_TITLE = re.compile(rb"<title[^>]{0,200}>([^<]{1,512})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyRest:
    """What was read of a body beyond its cap, and thrown away."""

    failure: Failure = ""
    bytes_read: int = 0
    took_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpExchange:
    """What came back for one request. `failure` is empty when a whole (or capped) response was read."""

    failure: Failure = ""
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    truncated: bool = False
    rest: BodyRest | None = None
    """What was read on beyond the cap; None where nothing was."""
    reusable: bool = False
    """The connection can carry another request."""

    def header(self, name: str) -> str:
        """The first value of a header, bounded to 500 characters; empty when absent."""
        return next((v[:MAX_VALUE] for n, v in self.headers if n.lower() == name), "")


def read_title(body: bytes) -> str:
    """The page title with entities resolved and white space folded, at most 200 characters."""
    found = _TITLE.search(body)
    if not found:
        return ""
    return " ".join(html.unescape(found.group(1).decode("utf-8", "replace")).split())[:MAX_TITLE]


def make_excerpt(body: bytes) -> str:
    """The beginning of a textual body on one line, for evidence, without addresses; empty for binary ones."""
    head = body[: MAX_EXCERPT * 2]
    if b"\0" in head:
        return ""
    text = " ".join(head.decode("utf-8", "replace").split())
    return remove_addresses(text, cut=len(body) > len(head))[:MAX_EXCERPT]


def hash_body(body: bytes) -> str:
    """SHA-256 of the decoded (capped) body."""
    return hashlib.sha256(body).hexdigest()


def read_clock_offset_s(date_header: str, now: datetime) -> float | None:
    """The server's Date (RFC 9110 section 6.6.1) minus `now`, in seconds; None when it cannot be read."""
    try:
        moment = parsedate_to_datetime(date_header)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round((moment - now).total_seconds(), 1)
