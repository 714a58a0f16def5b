"""One HTTP/1.1 exchange through `requests` on a connection that is already open; every size is bounded.

`requests` takes as long to import as everything else together, so this module is imported when the first page is
asked for, while other answers are under way.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from probe.core.tables.failures import EOF, Failure, classify_failure, open_failure
from probe.instruments.streams.http_parts import MAX_BODY_BYTES, REQUEST_HEADERS, BodyRest, HttpExchange
from probe.instruments.streams.sockets import MAX_READ_BYTES, RecordedSocket
from probe.instruments.streams.tls_handshake import TlsStream

READ_ON_WITHIN_S = 1.5
"""A page that takes longer to reach its cap shows enough, and a thin line is left to others."""
READ_ON_S = 3.0
"""Reading on takes no longer where bytes still come; where none do, the deadline ends it."""


class _Ready(HTTPConnection):
    """A connection that is open already."""

    def __init__(self, *args: Any, stream: RecordedSocket | TlsStream, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stream = stream

    def connect(self) -> None:
        self.sock = self._stream

    @property
    def is_connected(self) -> bool:
        return self.sock is not None


class _Pool(HTTPConnectionPool):
    """Of this one connection."""

    ConnectionCls = _Ready


class ConnectedAdapter(HTTPAdapter):
    """Speaks HTTP on a ready stream; it never connects, so the address stays the one that was chosen."""

    def __init__(self, stream: RecordedSocket | TlsStream) -> None:
        super().__init__(max_retries=0)
        self._pool = _Pool("connected", stream=stream)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """There is nothing to choose from."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        """The one, whatever the URL says."""
        return self._pool

    def close(self) -> None:
        self._pool.close()


def exchange_http(stream: RecordedSocket | TlsStream, url: str, *, host: str, method: str = "GET",
                  body: bytes | None = None, headers: dict[str, str] | None = None,
                  max_body_bytes: int = MAX_BODY_BYTES, read_on_bytes: int = 0, rest_bytes: int = 0) -> HttpExchange:
    """Send one request and read the answer. The scheme of `url` does not matter: the stream decides.

    Of a body beyond its cap, so much is read on and thrown away that `read_on_bytes` come in all, headers included;
    without that, up to `rest_bytes`: a body that ends with them leaves the connection fit for more. Redirects are never
    followed, no proxy or netrc is looked at, and the socket's deadline bounds the whole.
    """
    sock = stream.sock if isinstance(stream, TlsStream) else stream
    sock.failure, sock.read_limit = "", sock.bytes_read + max(MAX_READ_BYTES, max_body_bytes + MAX_BODY_BYTES)
    begun, begin_s = sock.bytes_read, time.monotonic()
    with closing(ConnectedAdapter(stream)) as adapter:
        try:
            request = requests.Request(method, "http://" + url.partition("://")[2], data=body,
                                       headers={**REQUEST_HEADERS, **(headers or {}), "Host": host}).prepare()
            with adapter.send(request, stream=True, timeout=60) as response:
                more = _More(enough=begun + read_on_bytes, rest_bytes=rest_bytes, begin_s=begin_s)
                return _read(response, max_body_bytes, sock, more)
        except (requests.RequestException, OSError, ValueError) as error:
            return HttpExchange(failure=sock.failure or _inner(error))
        except Exception as error:  # urllib3 and http.client raise their own kinds on hostile bytes
            return HttpExchange(failure=sock.failure or _inner(error))


class _Unsent:
    """Takes what would be sent."""

    def __init__(self) -> None:
        self.data = b""

    def sendall(self, data: Any) -> None:
        self.data += bytes(data)

    def settimeout(self, timeout: float | None) -> None:
        """There is nothing to wait for."""

    def close(self) -> None:
        """Nothing was opened."""


def compose_request(url: str, *, host: str) -> bytes:
    """The bytes with which `exchange_http` asks for a page. Raises ValueError for a URL that cannot be asked for."""
    asked = requests.Request("GET", "http://" + url.partition("://")[2],
                             headers={**REQUEST_HEADERS, "Host": host}).prepare()
    connection = HTTPConnection("unsent")
    taken = connection.sock = _Unsent()
    connection.request("GET", asked.path_url, headers=asked.headers)
    return taken.data


@dataclass(frozen=True, slots=True, kw_only=True)
class _More:
    """What to read of a body beyond its cap, for an exchange that began at `begin_s` (monotonic)."""

    enough: int
    """Bytes of the connection."""
    rest_bytes: int
    begin_s: float


def _read(response: requests.Response, cap: int, sock: RecordedSocket, more: _More) -> HttpExchange:
    headers = tuple((str(n)[:100], str(v)[:1000]) for n, v in response.headers.items())[:100]
    body = bytearray()
    failure: Failure = ""
    try:
        while len(body) <= cap and (chunk := response.raw.read(cap + 1 - len(body), decode_content=True)):
            body += chunk
    except Exception as error:
        failure = sock.failure or _inner(error)
    cut = len(body) > cap
    rest, at_end = _read_beyond(response, sock, more) if cut else (None, not failure)
    return HttpExchange(
        rest=rest,
        failure=failure,
        status=response.status_code,
        headers=headers,
        body=bytes(body[:cap]),
        truncated=cut,
        reusable=at_end and sock.failure != EOF and _stays_open(response),
    )


def _read_beyond(response: requests.Response, sock: RecordedSocket, more: _More) -> tuple[BodyRest | None, bool]:
    """What was read on for its own sake, and whether the body ended."""
    if time.monotonic() >= more.begin_s + READ_ON_WITHIN_S:
        return None, False
    if sock.bytes_read < more.enough:
        return _read_on(response, sock, more.enough)
    if not more.rest_bytes:
        return None, False
    sock.deadline = min(sock.deadline, time.monotonic() + READ_ON_S)
    return _read_on(response, sock, sock.bytes_read + more.rest_bytes)


def _read_on(response: requests.Response, sock: RecordedSocket, enough: int) -> tuple[BodyRest, bool]:
    """Read until the connection has brought `enough` bytes, or flowed on for long enough; and whether the body ended.
    """
    begin_s, begun, unpacked, at_end = time.monotonic(), sock.bytes_read, 0, False
    failure: Failure = ""
    try:
        while sock.bytes_read < enough and unpacked < MAX_READ_BYTES and time.monotonic() < begin_s + READ_ON_S:
            chunk = response.raw.read(4096, decode_content=True)
            if at_end := not chunk:
                break
            unpacked += len(chunk)
    except Exception as error:
        failure = sock.failure or _inner(error)
    return BodyRest(failure=failure, bytes_read=sock.bytes_read - begun, took_s=time.monotonic() - begin_s), at_end


def _stays_open(response: requests.Response) -> bool:
    """Whether the server keeps the connection (RFC 9112 section 9.3)."""
    options = {word.strip().lower() for word in response.headers.get("Connection", "").split(",")}
    return "close" not in options and (response.raw.version >= 11 or "keep-alive" in options)


def _inner(error: BaseException) -> Failure:
    """The failure word of the deepest OSError in the chain, or a word for a response that is no HTTP."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and not isinstance(seen, requests.RequestException):
            return classify_failure(seen)
        seen = seen.__cause__ or seen.__context__
    if "RemoteDisconnected" in repr(error) or "IncompleteRead" in repr(error):
        return EOF
    return open_failure(f"unknown_failure: invalid http response ({type(error).__name__})")
