"""The helper as a web service: who may ask, how much, and what they get. No client address is kept or logged."""

from __future__ import annotations

import asyncio
import socket
import ssl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from probe import __version__
from probe.control.engine import Engine, measure
from probe.control.guard import RateLimiter
from probe.control.order import take_order
from probe.control.protocol import MAX_REQUEST_BYTES, decode_request, encode

MAX_IN_FLIGHT = 25
MAX_IN_FLIGHT_PROBES = 50
"""Requests at once from anybody, and from programs that call themselves a probe."""
PROBE_AGENTS = ("reachability-probe/", "ooniprobe-")
BODY_TIMEOUT_S = 10.0
MAX_CONNECTIONS = 200
IDLE_S = 10.0
MAX_HEADER_BYTES = 16 * 1024
GREETING = {"message": f"This is a reachability test helper, version {__version__}."}


def make_app(engine: Engine, *, limiter: RateLimiter | None) -> Starlette:
    """The application. Without a limiter every client may ask as often as it likes."""
    in_flight = 0

    async def root(request: Request) -> Response:
        nonlocal in_flight
        if request.method in ("GET", "HEAD"):
            return JSONResponse(GREETING)
        if request.method != "POST":
            return _refuse(400, "only GET and POST are answered")
        if limiter is not None and not limiter.allows(request.client.host if request.client else ""):
            return _refuse(429, "too many requests from your network; wait a minute")
        agent = request.headers.get("user-agent", "")
        if in_flight >= (MAX_IN_FLIGHT_PROBES if agent.startswith(PROBE_AGENTS) else MAX_IN_FLIGHT):
            return _refuse(503, "too many requests at once; try again")
        in_flight += 1
        try:
            return await _answer(request, engine)
        except asyncio.CancelledError:  # only the end of the program cancels a request
            return _refuse(503, "the helper is being stopped")
        finally:
            in_flight -= 1

    methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
    return Starlette(routes=[Route("/", root, methods=methods)])


async def _answer(request: Request, engine: Engine) -> Response:
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await _body(request)
    except TimeoutError:
        return _refuse(408, "the request came too slowly")
    except ClientDisconnect:
        return _refuse(400, "the request was cut short")
    if body is None:
        return _refuse(413, f"at most {MAX_REQUEST_BYTES} bytes are read")
    try:
        order = take_order(decode_request(body))
    except ValueError:
        return _refuse(400, "the request is not understood")
    return Response(encode(await measure(order, engine)), media_type="application/json")


async def _body(request: Request) -> bytes | None:
    """The body, or None when it is larger than what is read."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_REQUEST_BYTES:
            return None
    return bytes(body)


def _refuse(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status_code=status)


class ImpatientProtocol(H11Protocol):
    """Hangs up on a connection that sends no whole request header in time; uvicorn itself waits for ever."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer with the connection."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(IDLE_S, self._hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer with the connection."""
        self._timer.cancel()
        super().connection_lost(exc)

    def _hang_up(self) -> None:
        if self.cycle is None:
            self.transport.abort()


def make_server(app: Starlette, *, tls: ssl.SSLContext | None) -> uvicorn.Server:
    """A server for `app` without access log; hand the listening socket to its `run`."""
    config = uvicorn.Config(
        app,
        http=ImpatientProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        log_level="error",
        proxy_headers=False,
        server_header=False,
        headers=[("Server", f"reachability-probe/{__version__}")],
        limit_concurrency=MAX_CONNECTIONS,
        backlog=128,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
    )
    config.load()
    config.ssl = tls
    return uvicorn.Server(config)


def listen(address: str, port: int) -> socket.socket:
    """A listening socket on a literal address. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=128)


def server_tls(certificate: str, key: str) -> ssl.SSLContext:
    """The TLS side of the helper. Raises OSError (ssl.SSLError among them) for files that do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
