"""An issuer behind a web server on the same machine: three requests by HTTP, bounded in bytes, time and number.

It listens on loopback alone and logs nothing. Who asks is never looked at: limits by address are the web server's, in
memory.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

from probe.store.files.atomic import StoreError
from probe.upkeep.issuer.issuer_protocol import (
    EXCHANGE_PATH,
    KEYS_PATH,
    MAX_MESSAGE_BYTES,
    REGISTER_PATH,
    STATUSES,
    ExchangeRequest,
    Refusal,
    RefusalWord,
    RefusedError,
    RegisterRequest,
    read_message,
)
from probe_operate.issuer.issuing import Issuer

MOST_AT_ONCE = 32
SOCKET_TIMEOUT_S = 5.0
"""For each read; the web server in front sends what it has whole."""
_JSON = "application/json"


class IssuerServer(ThreadingHTTPServer):
    """Raises ValueError for an address that others could reach, OSError when it cannot listen."""

    daemon_threads = True

    def __init__(self, address: str, port: int, issuer: Issuer) -> None:
        if not ipaddress.ip_address(address).is_loopback:
            raise ValueError("an issuer listens on a loopback address only, behind a web server that speaks TLS")
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.issuer, self.room = issuer, threading.BoundedSemaphore(MOST_AT_ONCE)
        super().__init__((address, port), _Handler)

    def server_bind(self) -> None:
        """Without the library's own, which asks for the machine's name by DNS."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """In a thread of its own, while there is room for it."""
        if not self.room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: socket.socket | tuple[bytes, socket.socket],
                               client_address: object) -> None:
        """As usual; then there is room again."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.room.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves is nobody's trouble, and its address is not written."""


class _Handler(BaseHTTPRequestHandler):
    timeout = SOCKET_TIMEOUT_S
    server: IssuerServer

    def do_GET(self) -> None:
        """The public keys."""
        if self.path == KEYS_PATH:
            self._answer(200, self.server.issuer.public)
        else:
            self._answer(404, b"{}")

    def do_POST(self) -> None:
        """A registration or an exchange."""
        work: dict[str, Callable[[bytes], msgspec.Struct]] = {
            REGISTER_PATH: self._register, EXCHANGE_PATH: self._exchange}
        if self.path not in work:
            self._answer(404, b"{}")
            return
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal() and len(length) < 6 and int(length) <= MAX_MESSAGE_BYTES):
            self._answer(413, b"{}")
            return
        try:
            self._answer(200, msgspec.json.encode(work[self.path](self.rfile.read(int(length)))))
        except RefusedError as error:
            self._refuse(error.word)
        except StoreError:
            self._answer(500, b"{}")

    def _register(self, body: bytes) -> msgspec.Struct:
        if (request := read_message(body, RegisterRequest)) is None:
            raise RefusedError("malformed")
        return self.server.issuer.register(request)

    def _exchange(self, body: bytes) -> msgspec.Struct:
        if (request := read_message(body, ExchangeRequest)) is None:
            raise RefusedError("malformed")
        return self.server.issuer.exchange(request)

    def _refuse(self, word: RefusalWord) -> None:
        self._answer(STATUSES[word], msgspec.json.encode(Refusal(refused=word)))

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", _JSON)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """Of no use to anybody."""
        return "issuer"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing of a request is logged."""
