"""Servers on loopback for the tests of the helper: a site, a DoH operator, the helper itself."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import certifi
import dns.message
import dns.rcode
import dns.rrset
import pytest
import requests
import trustme
from starlette.types import ASGIApp

from probe.instruments.streams.tls_handshake import make_context
from probe_operate.helper import helper_server as control_server
from probe_operate.helper.helper_engine import HelperEngine
from probe_operate.helper.rate_limiter import RateLimiter

HOST, DOH = "chat.example.org", "doh.example.org"
HERE = "127.0.0.1"
SILENT = "127.0.0.2"


class Pages(BaseHTTPRequestHandler):
    """The site: a page, redirects good and bad, a flood."""

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        """Answer by path."""
        port = self.connection.getsockname()[1]
        moves = {"/moved": "/", "/loop": "/loop", "/inward": "http://127.0.0.9/secret",
                 "/port": f"https://{HOST}:22/", "/file": "file:///etc/passwd", "/away": f"https://{HOST}:{port}/moved"}
        if self.path in moves:
            self.send_response(302)
            self.send_header("Location", moves[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        sizes = {"/flood": 300_000, "/deluge": 2_000_000}
        body = b"x" * sizes[self.path] if self.path in sizes else b"<html><title>Chat &amp; more</title></html>"
        self.send_response(200)
        if self.path in ("/h3", "/h3-flood", "/h3-elsewhere"):
            host = "other.example.org" if self.path == "/h3-elsewhere" else ""
            self.send_header("Alt-Svc", f'h3-29=":9", h3="{host}:{port}"; ma=86400')
        self.send_header("X-Chat", self.headers.get("User-Agent", ""))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Doh(BaseHTTPRequestHandler):
    """An operator that knows one name, and answers NXDOMAIN to the rest."""

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        """RFC 8484."""
        query = dns.message.from_wire(self.rfile.read(int(self.headers["Content-Length"])))
        reply = dns.message.make_response(query)
        name = query.question[0].name.to_text().rstrip(".")
        if name not in (HOST, "other.example.org"):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif query.question[0].rdtype == 1:
            reply.answer.append(dns.rrset.from_text(name + ".", 60, "IN", "A", HERE))
        wire = reply.to_wire()
        self.send_response(200)
        self.send_header("Content-Type", "application/dns-message")
        self.send_header("Content-Length", str(len(wire)))
        self.end_headers()
        self.wfile.write(wire)


class Server(ThreadingHTTPServer):
    """Quiet about clients that leave in the middle."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: Any) -> None:
        """Nothing to say."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], leaf: trustme.LeafCert | None) -> Iterator[int]:
    """An HTTP or HTTPS server on loopback; yields its port."""
    server = Server((HERE, 0), handler)
    if leaf is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def trusting(authority: trustme.CA, bundle: Path) -> Iterator[None]:
    """The authority takes the place of certifi's bundle, in a file that is written for it."""
    authority.cert_pem.write_to_path(str(bundle))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certifi, "where", lambda: str(bundle))
        make_context.cache_clear()
        yield
    make_context.cache_clear()


@dataclass(frozen=True, kw_only=True)
class World:
    """Ports of everything, and how to reach the helper."""

    site: int
    plain: int
    expired: int
    foreign: int
    closed: int
    leaf_key: str
    url: str

    def post(self, message: object, **options: Any) -> requests.Response:
        """Ask the helper in JSON."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        return requests.post(self.url, data=body, timeout=30, **options)

    def x(self, **endpoint: Any) -> list[dict[str, Any]]:
        """What the helper says of one endpoint of ours."""
        answer = self.post({"http_request": "", "x_endpoints": [endpoint]})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["x_endpoints"]
        return found


@contextmanager
def helper_at(engine: HelperEngine, limiter: RateLimiter | None = None, *,
              app: ASGIApp | None = None, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The helper (or an application of it) under its real server on loopback; yields its URL."""
    server = control_server.make_server(app or control_server.make_app(engine, limiter=limiter), tls=tls)
    with control_server.open_listener(HERE, 0) as sock:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://{HERE}:{sock.getsockname()[1]}/"
        finally:
            server.stop()
            thread.join(10)
