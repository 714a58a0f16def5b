"""HTTP/1.1 around a messenger's first words: the request that carries them, and the answer as far as it has come. Pure.

RFC 9112. An answer is read from its beginning at each arrival of more, so that nothing waits for the end of a
connection; no more than MAX_HEAD bytes of head, MAX_HEADERS lines and MAX_CHUNKS chunks are looked at.
The reader is our own, since h11 refuses answers that count here, such as one with `Transfer-Encoding: identity`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from probe.core.tables.handshakes import FOREIGN, Proof
from probe.core.tables.http_status import BODILESS
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import INCOMPLETE, SpeechContext, is_beginning
from probe.instruments.streams.http_parts import REQUEST_HEADERS, HttpExchange

MAX_HEAD, MAX_HEADERS, MAX_CHUNKS = 8192, 64, 256
MAX_INTERIM = 3
"""Interim answers (RFC 9110 section 15.2) before the final one."""
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9]\d\d)(?: [^\r\n]*)?\Z")
_SWITCHING = 101
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """A head that was read whole, and what has come of the body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name; the first of several."""
    body: bytes = b""
    whole: bool = False
    """The body has come as long as the head says it is; never so where only the connection's end would tell."""
    head_bytes: int = 0

    def exchange(self) -> HttpExchange:
        """As the catalogue's expectations are held against it."""
        return HttpExchange(status=self.status, headers=tuple(self.headers.items()), body=self.body)


def choose_request_target(asked: SpeechContext) -> tuple[str, str]:
    """(Host header, request target): those of the endpoint's URL, else the name and the protocol's usual place."""
    if not asked.url:
        return asked.name, asked.place
    parts = urlsplit(asked.url)
    host, port = parts.hostname or asked.name, parts.port
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return host if port in (None, _PORTS.get(parts.scheme)) else f"{host}:{port}", target


def make_request(method: str, host: str, target: str, headers: Mapping[str, str], body: bytes = b"", *,
                 version: str = "1.1") -> bytes:
    """The bytes of a request; what would break a line out of its place is left out."""
    lines = {"Host": host, "User-Agent": REQUEST_HEADERS["User-Agent"], "Accept": "*/*", **headers}
    if method == "POST":
        lines["Content-Length"] = str(len(body))
    head = [f"{method} {_one(target)} HTTP/{version}", *(f"{name}: {_line(value)}" for name, value in lines.items())]
    return "\r\n".join([*head, "", ""]).encode("ascii", "replace") + body


def _line(text: str) -> str:
    return "".join(char for char in text if char.isprintable())


def _one(text: str) -> str:
    return "".join(_line(text).split())


def read_answer(data: bytes) -> HttpAnswer | Proof | Empty:
    """The answer at the beginning of `data`; MORE while its head is not there, FOREIGN for what is none."""
    start = 0
    for _ in range(MAX_INTERIM + 1):
        found = _head(data, start)
        if isinstance(found, str):
            return found
        if found.status >= 200 or found.status == _SWITCHING:
            return _with_body(found, data[found.head_bytes :])
        start = found.head_bytes
    return FOREIGN


def _head(data: bytes, start: int) -> HttpAnswer | Proof | Empty:
    end = data.find(b"\r\n\r\n", start, start + MAX_HEAD)
    if end < 0:
        rest = data[start : start + MAX_HEAD]
        return INCOMPLETE if is_beginning(rest[:7], b"HTTP/1.") and len(data) - start < MAX_HEAD else FOREIGN
    first, *lines = data[start:end].split(b"\r\n")
    status = _STATUS.match(first)
    if status is None or len(lines) > MAX_HEADERS:
        return FOREIGN
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not name or name != name.strip():
            return FOREIGN
        headers.setdefault(name.lower(), value.strip())
    return HttpAnswer(status=int(status[1]), headers=headers, head_bytes=end + 4)


def _with_body(head: HttpAnswer, rest: bytes) -> HttpAnswer | Proof | Empty:
    body, whole = rest, False
    length = head.headers.get("content-length", "")
    if head.status in BODILESS or head.status == _SWITCHING:
        body, whole = b"", True
    elif "chunked" in head.headers.get("transfer-encoding", "").lower():
        read_on = _chunks(rest)
        if read_on is None:
            return FOREIGN
        body, whole = read_on
    elif length:
        if not (length.isascii() and length.isdecimal() and len(length) < 10):
            return FOREIGN
        body, whole = rest[: int(length)], len(rest) >= int(length)
    return HttpAnswer(status=head.status, headers=head.headers, body=body, whole=whole, head_bytes=head.head_bytes)


def _chunks(data: bytes) -> tuple[bytes, bool] | None:
    """(what has come of a chunked body, whether all of it has); None for what is no such body."""
    parts: list[bytes] = []
    at = 0
    for _ in range(MAX_CHUNKS):
        end = data.find(b"\r\n", at, at + 80)
        if end < 0:
            return (b"".join(parts), False) if len(data) - at < 80 else None
        size = data[at:end].partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,7}", size):
            return None
        length = int(size, 16)
        if not length:
            return b"".join(parts), True
        parts.append(data[end + 2 : end + 2 + length])
        at = end + 2 + length + 2
        if len(data) < at:
            return b"".join(parts), False
    return None


def read_status(data: bytes) -> int:
    """The final status of an answer whose head has come; 0 without one."""
    found = read_answer(data)
    return found.status if isinstance(found, HttpAnswer) else 0


def read_body(data: bytes) -> bytes:
    """What has come of the body; empty without a head."""
    found = read_answer(data)
    return found.body if isinstance(found, HttpAnswer) else b""
