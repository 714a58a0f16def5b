"""The helper as a web service: who may ask, how much, and what they get. No client address is kept or logged."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from probe import __version__
from probe.controls.helper_protocol import MAX_REQUEST_BYTES, encode_message
from probe.core.helper_bytes import QUERY, make_test_bytes
from probe_operate.helper.connection_limits import ConnectionLimits, limit_listener, make_connection_limits
from probe_operate.helper.helper_clients import (
    FORWARDED,
    ClientShares,
    ShareLimits,
    find_client,
    find_client_groups,
)
from probe_operate.helper.helper_engine import HelperEngine, measure_order
from probe_operate.helper.helper_metrics import HelperCounters
from probe_operate.helper.helper_order import parse_order
from probe_operate.helper.helper_reply import explain_unable
from probe_operate.helper.rate_limiter import BytesLimiter, RateLimiter
from probe_operate.reaching.old_words import decode_request

MAX_IN_FLIGHT = 128
MAX_IN_FLIGHT_PROBES = 256
"""Requests at once from anybody, and from programs that call themselves a probe."""
MAX_IN_FLIGHT_CLIENT = 32
MAX_IN_FLIGHT_NETWORK = 64
"""Requests at once from one client and from its network, where clients are limited: a run asks for much at once."""
PROBE_AGENTS = ("reachability-probe/", "ooniprobe-")
BODY_TIMEOUT_S = 10.0
HANDSHAKE_S = 5.0
"""From a connection to the end of its TLS handshake."""
GOODBYE_S = 2.0
"""How long the client's answer to the end of a TLS connection is waited for."""
IDLE_S = 10.0
MAX_HEADER_BYTES = 16 * 1024
GREETING = {"message": f"This is a reachability test helper, version {__version__}."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a request ends: a status, a word for the counts, and what is said."""

    status: int
    word: str
    why: str


AMBIGUOUS = Ended(status=400, word="not_understood", why="a request has one length")
METHOD = Ended(status=400, word="no_method", why="only GET and POST are answered")
OFTEN = Ended(status=429, word="rate_limited", why="too many requests from your network; wait a minute")
FULL = Ended(status=503, word="busy", why="too many requests at once; try again")
STOPPED = Ended(status=503, word="stopped", why="the helper is being stopped")
SLOW = Ended(status=408, word="too_slow", why="the request came too slowly")
CUT = Ended(status=400, word="cut_short", why="the request was cut short")
LARGE = Ended(status=413, word="too_large", why=f"at most {MAX_REQUEST_BYTES} bytes are read")
GARBAGE = Ended(status=400, word="not_understood", why="the request is not understood")
UNABLE = Ended(status=503, word="unable", why="this helper cannot fetch that page; ask another")


@dataclass(slots=True, kw_only=True)
class RequestHandler:
    """Who may ask, and what was counted. Without a limiter every client may ask as often as it likes."""

    engine: HelperEngine
    limiter: RateLimiter | None
    gives: BytesLimiter | None = None
    """Test bytes are given as often as this allows; None: never."""
    counters: HelperCounters = field(default_factory=HelperCounters)
    behind_proxy: bool = False
    shares: ClientShares = field(default_factory=lambda: ClientShares(ShareLimits(
        alone=MAX_IN_FLIGHT_CLIENT, network=MAX_IN_FLIGHT_NETWORK, everybody=MAX_IN_FLIGHT_PROBES)))
    in_flight: int = 0

    async def root(self, request: Request) -> Response:
        """Answer one request."""
        if "content-length" in request.headers and "transfer-encoding" in request.headers:
            return self.refuse(AMBIGUOUS, ends=True)
        client = find_client(request.client.host if request.client else "", request.headers.get(FORWARDED, ""),
                             behind_proxy=self.behind_proxy)
        if request.method == "GET" and request.url.query == QUERY and self.gives is not None:
            return self._give_bytes(client, self.gives)
        if request.method in ("GET", "HEAD"):
            self.counters.count_end("greeted")
            return JSONResponse(GREETING)
        if request.method != "POST":
            return self.refuse(METHOD)
        if self.limiter is not None and not self.limiter.allows(client):
            return self.refuse(OFTEN)
        agent = request.headers.get("user-agent", "")
        if self.in_flight >= (MAX_IN_FLIGHT_PROBES if agent.startswith(PROBE_AGENTS) else MAX_IN_FLIGHT):
            return self.refuse(FULL)
        if self.limiter is not None and not self.shares.enter(client):
            return self.refuse(OFTEN)
        try:
            return await self._counted(request, find_client_groups(client).network if self.limiter else "")
        finally:
            if self.limiter is not None:
                self.shares.leave(client)

    def _give_bytes(self, client: str, gives: BytesLimiter) -> Response:
        """The same bytes whatever name the connection was opened for: nothing of the request is in them."""
        if self.limiter is not None and not gives.allows(client):
            return self.refuse(OFTEN)
        self.counters.count_end("gave_bytes")
        self.counters.add("bytes_answered_total", len(make_test_bytes()))
        return Response(make_test_bytes(), media_type="application/octet-stream")

    async def _counted(self, request: Request, network: str) -> Response:
        self.in_flight += 1
        self.counters.add("in_flight")
        begin_s = time.monotonic()
        try:
            found = await _answer(request, self.engine, network)
        except asyncio.CancelledError:  # only the end of the program cancels a request
            found = STOPPED
        finally:
            self.in_flight -= 1
            self.counters.add("in_flight", -1)
        if isinstance(found, Ended):
            return self.refuse(found)
        self.counters.count_end("answered")
        self.counters.observe_duration(time.monotonic() - begin_s)
        self.counters.add("bytes_answered_total", len(found))
        return Response(found, media_type="application/json")

    def refuse(self, how: Ended, *, ends: bool = False) -> Response:
        """Say why not; `ends`: the connection ends as well, for where the next request begins is not known (RFC 9112,
        6.1)."""
        self.counters.count_end(how.word)
        return JSONResponse({"error": how.why}, status_code=how.status,
                            headers={"Connection": "close"} if ends else None)


def make_app(engine: HelperEngine, *, limiter: RateLimiter | None, counters: HelperCounters | None = None,
             behind_proxy: bool = False, gives_bytes: bool = True) -> ASGIApp:
    """The application: one handler at one path, without the layers that a framework puts around many."""
    gives = BytesLimiter(clock=time.monotonic) if gives_bytes else None
    desk = RequestHandler(engine=engine, limiter=limiter, gives=gives, counters=counters or HelperCounters(),
                          behind_proxy=behind_proxy)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            found = scope["path"] == "/"
            answer = await desk.root(Request(scope, receive)) if found else PlainTextResponse("Not Found", 404)
            await answer(scope, receive, send)

    return app


async def _answer(request: Request, engine: HelperEngine, network: str) -> bytes | Ended:
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await _body(request)
    except TimeoutError:
        return SLOW
    except ClientDisconnect:
        return CUT
    if body is None:
        return LARGE
    try:
        order = parse_order(decode_request(body))
    except ValueError:
        return GARBAGE
    response = await measure_order(order, engine, network=network)
    return UNABLE if explain_unable(order, response) else encode_message(response)


async def _body(request: Request) -> bytes | None:
    """The body, or None when it is larger than what is read."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_REQUEST_BYTES:
            return None
    return bytes(body)


class ImpatientProtocol(H11Protocol):
    """Hangs up on a connection on which nothing moves, neither a request's header nor an answer; uvicorn waits for
    ever. The first whole header secures the connection's place."""

    limits: ConnectionLimits | None = None
    counters: HelperCounters | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer with the connection."""
        super().connection_made(transport)
        self._seen: object = None
        self._timer = self.loop.call_later(IDLE_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer with the connection."""
        self._timer.cancel()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Take in what came."""
        super().handle_events()
        peer = self.transport.get_extra_info("peername")
        if self.limits is not None and self.cycle is not None and peer:
            self.limits.hear((str(peer[0]), int(peer[1])))

    def _look(self) -> None:
        """A request that is the same as at the last look may be measured still; its answer must have been read."""
        done = self.cycle is not None and self.cycle.response_complete
        unread = self.cycle is not None and self.transport.get_write_buffer_size() > 0
        if self.cycle is None or (self.cycle is self._seen and (done or unread)):
            if self.counters is not None:
                self.counters.add("connections_dropped_total")
            self.transport.abort()
            return
        self._seen = self.cycle
        self._timer = self.loop.call_later(IDLE_S, self._look)


class CalmServer(uvicorn.Server):
    """Looks at the clock once a second, where uvicorn does ten times: a helper has nothing to do for most of its life.
    A signal, and `stop` from any thread, still end it at once. Connections are limited before TLS begins."""

    def __init__(self, config: uvicorn.Config, *, tls: ssl.SSLContext | None, limits: ConnectionLimits) -> None:
        super().__init__(config)
        self._tls, self._limits = tls, limits
        self._wake: Callable[[], object] = bool

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on these sockets."""
        loop, tls = asyncio.get_running_loop(), self._tls
        kind: Any = self.config.http_protocol_class
        make = partial(kind, config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        self.servers = [
            await loop.create_server(make, sock=limit_listener(sock, self._limits), backlog=self.config.backlog,
                                     ssl=tls, ssl_handshake_timeout=HANDSHAKE_S if tls else None,
                                     ssl_shutdown_timeout=GOODBYE_S if tls else None)
            for sock in sockets or ()]
        self.started = True

    async def main_loop(self) -> None:
        """Serve until somebody says stop."""
        stopped, tenths = asyncio.Event(), 0
        self._wake = partial(asyncio.get_running_loop().call_soon_threadsafe, stopped.set)
        while not await self.on_tick(tenths):
            tenths += 10
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), 1.0)
        self._wake = bool

    def stop(self) -> None:
        """End the service in good order."""
        self.should_exit = True
        self._wake()

    def handle_exit(self, sig: int, stack_frame: FrameType | None) -> None:
        """A signal asks for the end."""
        super().handle_exit(sig, stack_frame)
        self.stop()


def make_server(app: ASGIApp, *, tls: ssl.SSLContext | None, counters: HelperCounters | None = None,
                limited: bool = False) -> CalmServer:
    """A server for `app` without access log; hand the listening socket to its `run`. `limited`: no client and no
    network may hold more than its share of connections."""
    limits = make_connection_limits(time.monotonic, limited=limited)
    if counters is not None:
        limits.count_refused = partial(counters.add, "connections_refused_total")
    protocol = type("Protocol", (ImpatientProtocol,), {"limits": limits, "counters": counters})
    config = uvicorn.Config(
        app,
        http=protocol,
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
        backlog=512,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
    )
    config.load()
    return CalmServer(config, tls=tls, limits=limits)


def open_listener(address: str, port: int) -> socket.socket:
    """A listening socket on a literal address. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=512)


def make_tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """The TLS side of the helper. Raises OSError (ssl.SSLError among them) for files that do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
