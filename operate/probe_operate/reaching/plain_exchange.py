"""One HTTP/1.1 exchange on an open stream through the standard library: the same bytes as the probe's own
(`probe.instruments.streams.http_exchange`), and the same reading of the answer, for a third of the processor's time."""

from __future__ import annotations

import http.client
import re
import zlib
from collections.abc import Mapping
from typing import Any, cast

from requests.utils import requote_uri
from urllib3.util.url import parse_url

from probe.core.tables.failures import EOF, Failure, classify_failure, open_failure
from probe.instruments.streams.http_parts import MAX_BODY_BYTES, HttpExchange
from probe.instruments.streams.kept_streams import Stream, get_socket
from probe.instruments.streams.sockets import MAX_READ_BYTES

_PLAIN = re.compile(r"(?!.*/\.)[A-Za-z0-9._~/?=&-]+")
"""Paths and queries that are sent as they are; others are quoted and shortened by the libraries."""
_CHUNK = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS


def compose_get(url: str, headers: Mapping[str, str]) -> bytes:
    """The bytes of a request for `url`, whose headers are sent as they are."""
    target = "/" + url.partition("://")[2].partition("/")[2]
    if not _PLAIN.fullmatch(target):
        target = parse_url(requote_uri(url)).request_uri
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1", "replace")


def exchange_plainly(stream: Stream, message: bytes, *, max_body_bytes: int) -> HttpExchange:
    """Send a request and read the answer, its body decoded and cut. The socket's deadline bounds the whole, no redirect
    is followed. Raises nothing for the network."""
    sock = get_socket(stream)
    sock.failure, sock.read_limit = "", sock.bytes_read + max(MAX_READ_BYTES, max_body_bytes + MAX_BODY_BYTES)
    try:
        stream.sendall(message)
        answer = http.client.HTTPResponse(cast(Any, stream), method="POST" if message.startswith(b"POST") else "GET")
        answer.begin()
    except Exception as error:  # http.client raises its own kinds on hostile bytes
        return HttpExchange(failure=sock.failure or _explain(error))
    reader = _BodyReader(answer, max_body_bytes)
    try:
        reader.read()
    except Exception as error:
        return _describe(answer, reader, HttpExchange(failure=sock.failure or _explain(error)))
    whole = len(reader.body) <= max_body_bytes
    reusable = whole and reader.ended and not answer.will_close and not sock.failure
    return _describe(answer, reader, HttpExchange(truncated=not whole, reusable=reusable))


class _BodyReader:
    """Reads a body up to one byte beyond its cap, and undoes its compression as far."""

    def __init__(self, answer: http.client.HTTPResponse, cap: int) -> None:
        self._answer, self.cap = answer, cap
        self._coding = (answer.getheader("Content-Encoding") or "").strip().lower()
        self._decoder: Any = None
        self.body = bytearray()
        self.ended = False

    def read(self) -> None:
        """Read until there is enough, or no more. Raises what the network and the codec do."""
        while len(self.body) <= self.cap:
            data = self._answer.read(min(_CHUNK, self.cap + 1 - len(self.body)))
            if not data:
                if self._answer.length:
                    raise http.client.IncompleteRead(b"", self._answer.length)
                self.ended = True
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        if self._coding not in ("gzip", "x-gzip", "deflate"):
            self.body += data
            return
        if self._decoder is None:
            zlib_header = data[0] & 0x0F == 8 and len(data) > 1 and (data[0] << 8 | data[1]) % 31 == 0
            bits = _GZIP if self._coding != "deflate" else zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS
            self._decoder = zlib.decompressobj(bits)
        while data and len(self.body) <= self.cap and not self._decoder.eof:
            self.body += self._decoder.decompress(data, self.cap + 1 - len(self.body))
            data = self._decoder.unconsumed_tail


def _describe(answer: http.client.HTTPResponse, reader: _BodyReader, base: HttpExchange) -> HttpExchange:
    headers: dict[str, tuple[str, str]] = {}
    for name, value in answer.getheaders():  # several of one name are one (RFC 9110 section 5.3)
        first = headers.get(name.lower())
        headers[name.lower()] = (first[0], f"{first[1]}, {value}") if first else (name, value)
    return HttpExchange(
        failure=base.failure, status=answer.status, truncated=base.truncated, reusable=base.reusable,
        headers=tuple((name[:100], value[:1000]) for name, value in headers.values())[:100],
        body=bytes(reader.body[:reader.cap]))


def _explain(error: BaseException) -> Failure:
    if isinstance(error, http.client.IncompleteRead | http.client.RemoteDisconnected):
        return EOF
    if isinstance(error, OSError):
        return classify_failure(error)
    return open_failure(f"unknown_failure: invalid http response ({type(error).__name__})")
