"""Connections of the HTTP client: to the address that was chosen, and to be shut by whoever waits for them."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from dataclasses import dataclass, field
from typing import Any, cast

from requests.adapters import HTTPAdapter
from urllib3 import ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import create_connection

MAX_INTERIM = 10
"""So many interim answers (1xx) come before an answer, at most."""
_now = threading.local()


@dataclass(slots=True, kw_only=True)
class OpenCall:
    """What a call has open. The caller may give it up; then its thread ends as soon as its socket is shut."""

    address: str = ""
    """A literal to connect to; empty: wherever the name leads."""
    asked: bool = False
    """Whether something of the question may have been sent."""
    last: bool = False
    """Whether the question says that it is the connection's last, so that none follows it there."""
    handles: list[socket.socket] = field(default_factory=list)
    """Duplicates of the sockets in use: shutting one works whatever TLS has made of the original."""
    given_up: bool = False

    def begin(self, address: str) -> None:
        """From now on this thread's connections are this call's, and go to an address."""
        self.forget()
        self.address, self.asked, _now.call = address, False, self

    def give_up(self) -> None:
        """Shut the socket under the thread that reads it."""
        self.given_up = True
        for handle in list(self.handles):
            with contextlib.suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

    def hold(self, sock: socket.socket) -> None:
        """Keep a handle of a socket, to be shut at once where nobody waits any more."""
        self.handles.append(socket.socket(fileno=socket.dup(sock.fileno())))
        if self.given_up:
            self.give_up()

    def forget(self) -> None:
        """Close the handles."""
        while self.handles:
            self.handles.pop().close()


class _Response(http.client.HTTPResponse):
    """The library's own takes interim answers without end."""

    interim = 0

    def _read_status(self) -> tuple[str, int, str]:
        self.interim += 1
        if self.interim > MAX_INTERIM:
            raise http.client.BadStatusLine("interim answers without end")
        return cast("tuple[str, int, str]", super()._read_status())  # type: ignore[misc]

    def _check_close(self) -> bool:
        return _now.call.last or bool(super()._check_close())  # type: ignore[misc]


class _Plain(HTTPConnection):
    response_class = _Response

    def _new_conn(self) -> socket.socket:
        try:
            sock = self._connect(_now.call.address)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "timed out") from error
        except OSError as error:
            raise NewConnectionError(self, "not connected") from error
        _now.call.hold(sock)
        _now.call.asked = not isinstance(self, HTTPSConnection)
        return sock

    def _connect(self, address: str) -> socket.socket:
        port, options = self.port or self.default_port or 0, self.socket_options or []
        if not address:
            return create_connection((self.host, port), self.timeout, socket_options=options)
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        try:  # the library's function would ask the resolver, even for an address
            for option in options:
                sock.setsockopt(*option)
            sock.settimeout(cast("float", self.timeout))
            sock.connect((address, port))
        except OSError:
            sock.close()
            raise
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:  # else it connects now
            _now.call.asked = True
            if not _now.call.handles:
                _now.call.hold(self.sock)
        _now.call.last = (kwargs.get("headers") or {}).get("Connection") == "close"
        super().request(*args, **kwargs)


class _Tls(_Plain, HTTPSConnection):
    """The same, and then a handshake."""


_POOLS = {"http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": _Plain}),
          "https": type("TlsPool", (HTTPSConnectionPool,), {"ConnectionCls": _Tls})}


class CallAdapter(HTTPAdapter):
    """Makes connections that go where the call of their thread says. Nothing is tried twice."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make pools of such connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        """The same for a proxy; those of SOCKS have connections of their own."""
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager
