"""Messengers' servers behind HTTP: what answers a request or speaks within a WebSocket, and both wrongly on purpose."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from probe.core.endpoints import Endpoint
from probe_lab.lab_types import World
from probe_lab.pki import world_time
from probe_lab.servers.app_registry import GETS, POSTS, SOCKETS
from probe_lab.servers.app_style import find_style, make_noise, make_tls_alert
from probe_lab.servers.app_websocket import is_opening, switching
from probe_lab.servers.app_wire import wait_out
from probe_lab.servers.faults import Faults
from probe_lab.servers.http1 import Request, head_bytes, render
from probe_lab.servers.served_pages import page
from probe_lab.servers.served_sites import Site
from probe_lab.servers.streams import PlainStream, Stream


class WebApps:
    """Speaks messengers' protocols that HTTP carries, for every site of one world."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults

    def row(self, site: Site, request: Request) -> Endpoint | None:
        """The row whose protocol a request speaks; None for a request of the web."""
        spoken = SOCKETS if is_opening(request) else POSTS if request.method == "POST" else GETS
        path = urlsplit(request.target).path
        return next((row for row in site.rows if row.protocol in spoken and _leads_to(row, path)), None)

    async def attend(self, stream: Stream, begun: bytes, row: Endpoint, request: Request, *, site: Site,
                     plain: PlainStream) -> bool:
        """Answer one request; whether the connection goes on. `begun` is what came behind the request."""
        style = find_style(site, plain, faults=self._faults, world=self._world)
        rng = random.Random()
        if style and style != "wrong":
            await _MISBEHAVIOURS[style](stream, request, plain, rng)
            return False
        wrong = style == "wrong"
        if row.protocol not in SOCKETS:
            reply = await {**POSTS, **GETS}[row.protocol](request, row, rng, wrong)
            await stream.write(render(reply, request, now=world_time(self._world.clock_shift_s)))
            return request.keep_alive
        foreign = wrong and ((row.protocol == "websocket" and not row.expect.json) or rng.random() < 0.3)
        await stream.write(switching(request, key="bm90IHRoZSBrZXkgYXQgYWxs" if foreign else ""))
        await SOCKETS[row.protocol](stream, begun, row, rng, wrong)
        await wait_out(stream)
        return False


def _leads_to(row: Endpoint, path: str) -> bool:
    own = urlsplit(row.input).path or "/"
    return path.startswith(own) if own.endswith("/mmtls/") else path == own


async def _http(stream: Stream, request: Request, plain: PlainStream, rng: random.Random) -> None:
    body = page(rng, title="Welcome", size=rng.randint(800, 4000)).encode()
    headers = [("Server", "nginx"), ("Content-Type", "text/html"), ("Content-Length", str(len(body)))]
    await stream.write(head_bytes(200, headers) + body)


async def _echo(stream: Stream, request: Request, plain: PlainStream, rng: random.Random) -> None:
    """What was said comes back: a body in an answer, a request without one as it came."""
    first = f"{request.method} {request.target} HTTP/1.1\r\n\r\n".encode()
    await stream.write(head_bytes(200, [("Content-Length", str(len(request.body)))]) + request.body
                       if request.body else first)


async def _garbage(stream: Stream, request: Request, plain: PlainStream, rng: random.Random) -> None:
    body = make_noise(rng)
    headers = [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))]
    await stream.write(body if is_opening(request) else head_bytes(200, headers) + body)


async def _silence(stream: Stream, request: Request, plain: PlainStream, rng: random.Random) -> None:
    await wait_out(stream)


async def _close(stream: Stream, request: Request, plain: PlainStream, rng: random.Random) -> None:
    return


async def _reset(stream: Stream, request: Request, plain: PlainStream, rng: random.Random) -> None:
    plain.reset()


async def _tls_alert(stream: Stream, request: Request, plain: PlainStream, rng: random.Random) -> None:
    await stream.write(make_tls_alert(rng))


_MISBEHAVIOURS: Mapping[str, Callable[[Stream, Request, PlainStream, random.Random], Awaitable[None]]] = {
    "http": _http, "echo": _echo, "garbage": _garbage, "silence": _silence, "close": _close, "reset": _reset,
    "tls_alert": _tls_alert,
}
"""Style of an `app_reply` -> what the server does instead of its own; `wrong` is the answer to another request."""
