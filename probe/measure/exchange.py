"""One HTTP/1.1 exchange through `requests` on a connection that is already open; every size is bounded.

`requests` takes as long to import as everything else together, so this module is imported when the first page is
asked for, while other answers are under way.
"""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from probe.measure.http import HEADERS, MAX_BODY_BYTES, Exchange
from probe.measure.sockets import MAX_READ_BYTES, RecordedSocket
from probe.measure.tls import TlsStream
from probe.tables.failures import EOF, failure_of


class ConnectedAdapter(HTTPAdapter):
    """Speaks HTTP on a ready stream; it never connects, so the address stays the one that was chosen."""

    def __init__(self, stream: RecordedSocket | TlsStream) -> None:
        self._stream = stream
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        stream = self._stream

        class Ready(HTTPConnection):
            def connect(self) -> None:
                self.sock = stream

            @property
            def is_connected(self) -> bool:
                return self.sock is not None

        pool = type("ReadyPool", (HTTPConnectionPool,), {"ConnectionCls": Ready})
        self.poolmanager.pool_classes_by_scheme = {"http": pool, "https": pool}


def exchange(stream: RecordedSocket | TlsStream, url: str, *, host: str, method: str = "GET",
             body: bytes | None = None, headers: dict[str, str] | None = None,
             max_body_bytes: int = MAX_BODY_BYTES) -> Exchange:
    """Send one request and read the answer. The scheme of `url` does not matter: the stream decides.

    Redirects are never followed, no proxy or netrc is looked at, and the socket's deadline bounds the whole.
    """
    sock = stream.sock if isinstance(stream, TlsStream) else stream
    sock.failure, sock.read_limit = "", sock.bytes_read + MAX_READ_BYTES
    with requests.Session() as session:
        session.trust_env = False
        session.headers.clear()
        session.mount("http://", ConnectedAdapter(stream))
        plain = "http://" + url.partition("://")[2]
        try:
            with session.request(method, plain, headers={**HEADERS, **(headers or {}), "Host": host}, data=body,
                                 stream=True, allow_redirects=False, timeout=60) as response:
                return _read(response, max_body_bytes, sock)
        except (requests.RequestException, OSError, ValueError) as error:
            return Exchange(failure=sock.failure or _inner(error))
        except Exception as error:  # urllib3 and http.client raise their own kinds on hostile bytes
            return Exchange(failure=sock.failure or _inner(error))


def _read(response: requests.Response, cap: int, sock: RecordedSocket) -> Exchange:
    headers = tuple((str(n)[:100], str(v)[:1000]) for n, v in response.headers.items())[:100]
    body, failure = bytearray(), ""
    try:
        while len(body) <= cap and (chunk := response.raw.read(cap + 1 - len(body), decode_content=True)):
            body += chunk
    except Exception as error:
        failure = sock.failure or _inner(error)
    complete = not failure and len(body) <= cap
    return Exchange(
        failure=failure,
        status=response.status_code,
        headers=headers,
        body=bytes(body[:cap]),
        truncated=len(body) > cap,
        reusable=complete and sock.failure != EOF and _stays_open(response),
    )


def _stays_open(response: requests.Response) -> bool:
    """Whether the server keeps the connection (RFC 9112 section 9.3)."""
    options = {word.strip().lower() for word in response.headers.get("Connection", "").split(",")}
    return "close" not in options and (response.raw.version >= 11 or "keep-alive" in options)


def _inner(error: BaseException) -> str:
    """The failure word of the deepest OSError in the chain, or a word for a response that is no HTTP."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and not isinstance(seen, requests.RequestException):
            return failure_of(seen)
        seen = seen.__cause__ or seen.__context__
    if "RemoteDisconnected" in repr(error) or "IncompleteRead" in repr(error):
        return EOF
    return f"unknown_failure: invalid http response ({type(error).__name__})"
