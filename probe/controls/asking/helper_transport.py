"""One bounded HTTP exchange with a helper: a deadline over the whole call, a cap on the bytes, no redirects."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import certifi
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError
from urllib3.util.connection import create_connection

_CHUNK = 16 * 1024


@dataclass(slots=True, kw_only=True)
class HelperCall:
    """A call under way. The caller may give it up; then its thread ends as soon as its socket is shut."""

    deadline: float
    status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the answer, by names in small letters."""
    failure: str = ""
    """connect, tls, interrupted, timeout, garbage or too_large; empty when a whole answer was read."""
    done: threading.Event = field(default_factory=threading.Event)
    handles: list[socket.socket] = field(default_factory=list)
    """Duplicates of the sockets in use: shutting one works whatever TLS has made of the original."""
    given_up: bool = False

    def give_up(self) -> None:
        """Shut the socket under the thread that reads it."""
        self.given_up = True
        for handle in list(self.handles):
            with contextlib.suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperMessage:
    """What is sent: a POST where there is a body, else a GET. Header values may be secret, and are never shown."""

    url: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def post_json(url: str, body: bytes, *, address: str, user_agent: str, max_bytes: int, timeout_s: float) -> HelperCall:
    """POST JSON and read the answer, as `exchange_message` does."""
    headers = {"User-Agent": user_agent, "Content-Type": "application/json", "Accept": "application/json",
               "Accept-Encoding": "identity", "Connection": "close"}
    return exchange_message(HelperMessage(url=url, body=body, headers=headers), address=address, max_bytes=max_bytes,
                            timeout_s=timeout_s)


def exchange_message(message: HelperMessage, *, address: str, max_bytes: int, timeout_s: float) -> HelperCall:
    """Send it and read the answer. Never raises for the network, never takes longer than `timeout_s`; a status that had
    come by then is told.

    With `address` (a literal) the connection goes there; name, certificate and Host stay those of the URL.
    """
    call = HelperCall(deadline=time.monotonic() + timeout_s)
    # A thread, because neither name resolution nor a server that drips its header byte by byte heeds a timeout.
    work = threading.Thread(target=_work, args=(call, message, address, max_bytes), daemon=True)
    work.start()
    if not call.done.wait(timeout_s):
        call.give_up()
        return HelperCall(deadline=call.deadline, status=call.status, failure="timeout")
    return call


def _work(call: HelperCall, message: HelperMessage, address: str, max_bytes: int) -> None:
    try:
        with requests.Session() as session:
            session.trust_env = False
            session.headers.clear()
            session.mount("http://", _Adapter(call, address))
            session.mount("https://", _Adapter(call, address))
            method = "GET" if message.body is None else "POST"
            with session.request(method, message.url, data=message.body, headers=message.headers, stream=True,
                                 allow_redirects=False, timeout=max(0.01, call.deadline - time.monotonic()),
                                 verify=certifi.where()) as response:
                call.status = response.status_code
                call.headers = {name.lower(): value for name, value in response.headers.items()}
                _read(call, response, max_bytes)
    except Exception as error:  # hostile bytes make requests, urllib3 and http.client raise many kinds
        call.failure = _reason(error, connected=bool(call.handles))
    finally:
        for handle in call.handles:
            handle.close()
        call.done.set()


def _reason(error: BaseException, *, connected: bool) -> str:
    chain = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(inner)
    if any(isinstance(e, TimeoutError | requests.Timeout | ReadTimeoutError) for e in chain):
        return "timeout"
    if any(isinstance(e, ssl.SSLError | requests.exceptions.SSLError) for e in chain):
        return "tls"
    if not connected:
        return "connect"
    cut = any(isinstance(e, OSError) and not isinstance(e, requests.RequestException) for e in chain)
    return "interrupted" if cut else "garbage"


def _read(call: HelperCall, response: requests.Response, max_bytes: int) -> None:
    body = bytearray()
    # Not response.content: read decodes no further than it is asked, so a compressed bomb stays small.
    while len(body) <= max_bytes:
        if call.given_up or time.monotonic() > call.deadline:
            call.failure = "timeout"
            return
        chunk = response.raw.read(min(_CHUNK, max_bytes + 1 - len(body)), decode_content=True)
        if not chunk:
            call.body = bytes(body)
            return
        body += chunk
    call.failure = "too_large"


class _Adapter(HTTPAdapter):
    """Connects to a pinned address, and lets the call know its connection so that it can be shut."""

    def __init__(self, call: HelperCall, address: str) -> None:
        self._call = call
        self._address = address
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make pools whose connections go where this adapter says."""
        super().init_poolmanager(*args, **kwargs)
        call, address = self._call, self._address

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, call, address)

        class Tls(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, call, address)

        self.poolmanager.pool_classes_by_scheme = {
            "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": Plain}),
            "https": type("TlsPool", (HTTPSConnectionPool,), {"ConnectionCls": Tls}),
        }


def _connect(connection: HTTPConnection, call: HelperCall, address: str) -> socket.socket:
    """A socket to the pinned address, or to wherever the name leads."""
    target = (address or connection.host, connection.port or connection.default_port)
    try:
        sock = create_connection(target, connection.timeout, socket_options=connection.socket_options)
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, "timed out") from error
    except OSError as error:
        raise NewConnectionError(connection, "not connected") from error
    call.handles.append(sock.dup())
    if call.given_up:
        call.give_up()
    return sock
