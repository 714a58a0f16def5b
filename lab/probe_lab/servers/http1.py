"""HTTP/1.1 messages on the server's side (RFC 9112): reads requests, writes replies. Bounded in every direction."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from probe_lab.servers.streams import Stream

MAX_HEAD_BYTES = 65536
MAX_BODY_BYTES = 1 << 20

_CHUNK_BYTES = 4000


class BadRequest(Exception):
    """The client's bytes are no HTTP/1.1 request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request."""

    method: str
    target: str
    """Path and query, as sent; never empty."""
    headers: Mapping[str, str]
    """By lower-case name; the last of several wins."""
    body: bytes = b""
    keep_alive: bool = True

    @property
    def host(self) -> str:
        """The Host header without a port, in lower case."""
        host = self.headers.get("host", "").lower()
        return host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply before it is framed."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    chunked: bool = False
    """Frame the body in chunks instead of by Content-Length."""
    compress: bool = False
    """Use gzip where the client accepts it."""


class SlowRequest(Exception):
    """The client takes longer for a request than the server waits."""


class RequestReader:
    """Reads one request after another from a connection."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = b""

    async def next(self, *, patience_s: float | None = None) -> Request | None:
        """The next request, or None when the client has ended; its head must be whole `patience_s` after its first
        bytes. Raises BadRequest, EOFError, SlowRequest."""
        if not await self._read_head(patience_s):
            return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        method, target, version, headers = _parse_head(head)
        return Request(
            method=method,
            target=target,
            headers=headers,
            body=await self._body(headers),
            keep_alive=_keeps_alive(version, headers),
        )

    async def _read_head(self, patience_s: float | None) -> bool:
        """Read until the head is whole; False when the client has ended."""
        try:
            async with asyncio.timeout(None) as limit:
                while b"\r\n\r\n" not in self._buffer:
                    if len(self._buffer) > MAX_HEAD_BYTES:
                        raise BadRequest("head too long")
                    data = await self._stream.read()
                    if not data:
                        return False
                    if patience_s is not None and not self._buffer:
                        limit.reschedule(asyncio.get_running_loop().time() + patience_s)
                    self._buffer += data
        except TimeoutError:
            if limit.expired():
                raise SlowRequest from None
            raise
        return True

    def rest(self) -> bytes:
        """What has come behind the last request."""
        taken, self._buffer = self._buffer, b""
        return taken

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await self._chunks()
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            raise BadRequest("body too long")
        return await self._take(int(length))

    async def _chunks(self) -> bytes:
        body = b""
        while True:
            line = await self._line()
            try:
                size = int(line.partition(b";")[0], 16)
            except ValueError:
                raise BadRequest("not a chunk") from None
            if not 0 <= size <= MAX_BODY_BYTES - len(body):
                raise BadRequest("body too long")
            if size == 0:
                while await self._line():
                    pass
                return body
            body += (await self._take(size + 2))[:-2]

    async def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise BadRequest("line too long")
            await self._more()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    async def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            await self._more()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    async def _more(self) -> None:
        data = await self._stream.read()
        if not data:
            raise EOFError
        self._buffer += data


def _parse_head(head: bytes) -> tuple[str, str, str, dict[str, str]]:
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.0", "HTTP/1.1"):
        raise BadRequest("not a request line")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequest("not a header line")
        headers[name.strip().lower()] = value.strip()
    target = words[1]
    if "://" in target.partition("?")[0]:  # absolute form (RFC 9112 3.2.2)
        target = "/" + target.partition("://")[2].partition("/")[2]
    try:
        urlsplit(target)
    except ValueError:
        raise BadRequest("not a target") from None
    return words[0], target or "/", words[2], headers


def _keeps_alive(version: str, headers: Mapping[str, str]) -> bool:
    connection = headers.get("connection", "").lower()
    return connection == "keep-alive" if version == "HTTP/1.0" else "close" not in connection


def render(reply: Reply, request: Request, *, now: dt.datetime) -> bytes:
    """The bytes of a reply to a request; `now` is what its Date header says."""
    bodiless = reply.status in (204, 304) or reply.status < 200
    body, headers = reply.body, [("Date", format_datetime(now, usegmt=True)), *reply.headers]
    if reply.compress and body and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
    if reply.status != 101:
        headers.append(("Connection", "keep-alive" if request.keep_alive else "close"))
    if not bodiless:
        headers.append(("Transfer-Encoding", "chunked") if reply.chunked else ("Content-Length", str(len(body))))
    head = head_bytes(reply.status, headers)
    if bodiless or request.method == "HEAD":
        return head
    return head + (_in_chunks(body) if reply.chunked else body)


def head_bytes(status: int, headers: list[tuple[str, str]]) -> bytes:
    """Status line and header lines with the empty line after them."""
    lines = [f"HTTP/1.1 {status} {_reason(status)}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Request denied"


def _in_chunks(body: bytes) -> bytes:
    parts = [body[start : start + _CHUNK_BYTES] for start in range(0, len(body), _CHUNK_BYTES)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def json_reply(value: object) -> Reply:
    """JSON with the status 200."""
    return Reply(status=200, headers=(("Content-Type", "application/json"),), body=json.dumps(value).encode())
