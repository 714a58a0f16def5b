"""Messengers' servers on the ports that the catalogue's rows name, and those that answer wrongly on purpose."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from probe.core.endpoints import Endpoint
from probe.core.tables.handshakes import HANDSHAKES
from probe_lab.lab_types import World
from probe_lab.servers.app_registry import ANSWERS, DIALOGUES
from probe_lab.servers.app_style import find_style, make_noise, make_tls_alert
from probe_lab.servers.app_wire import IDLE_S, Wire, wait_out
from probe_lab.servers.certificates import Certificates, certificate_name
from probe_lab.servers.client_hello import read_hello
from probe_lab.servers.faults import Faults, certificate_fault
from probe_lab.servers.served_sites import Site
from probe_lab.servers.streams import PlainStream, Stream, TlsStream

_METHODS = (b"GET ", b"POST", b"HEAD", b"OPTI")
_BODY = b"<html><head><title>Welcome</title></head><body><p>It works.</p></body></html>"
_PAGE = (b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nConnection: close\r\n"
         b"Content-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY))

Web = Callable[[Stream, Site, PlainStream], Awaitable[None]]


def spoken_at(site: Site) -> Endpoint | None:
    """The row of a site whose protocol a messenger's server speaks here; None for the others."""
    return next((row for row in site.rows if row.protocol in ANSWERS or row.protocol in DIALOGUES), None)


class AppServer:
    """Speaks messengers' own protocols for every site of one world."""

    def __init__(self, world: World, faults: Faults, certificates: Certificates, *, web: Web) -> None:
        self._world = world
        self._faults = faults
        self._certificates = certificates
        self._web = web

    async def attend(self, stream: Stream, site: Site, plain: PlainStream) -> None:
        """Serve one connection, in the clear or within TLS, to its end."""
        row = spoken_at(site)
        if row is None:
            return
        style = find_style(site, plain, faults=self._faults, world=self._world)
        wire = Wire(stream)
        rng = random.Random()
        if style and style != "wrong":
            await _MISBEHAVIOURS[style](wire, plain, rng)
            return
        if row.protocol in DIALOGUES:
            await self._dialogue(wire, row, site, plain)
        elif site.kind == "http" and await wire.peek(4) in _METHODS:
            await self._web(wire, site, plain)
        else:
            await self._answer(wire, row, rng, wrong=style == "wrong")
        await wire.close()

    async def _answer(self, wire: Wire, row: Endpoint, rng: random.Random, *, wrong: bool) -> None:
        answer = await ANSWERS[row.protocol](wire, rng, wrong)
        if answer is not None:
            await wire.write(answer)
            await wait_out(wire)
        elif self._waits(row):
            await wait_out(wire)

    def _waits(self, row: Endpoint) -> bool:
        """Whether a server keeps a connection open on which it does not understand a word, or ends it."""
        return random.Random(f"{self._world.seed}:{row.host}:waits").random() < 0.5

    async def _dialogue(self, wire: Wire, row: Endpoint, site: Site, plain: PlainStream) -> None:
        rng = random.Random()
        starttls = HANDSHAKES[row.protocol].over == "starttls"
        secured = await DIALOGUES[row.protocol](wire, row.sni or row.host, rng, starttls)
        if not secured:
            return
        async with asyncio.timeout(IDLE_S):
            hello = await read_hello(plain)
        if hello is None:
            return
        faults = self._faults.of("tls", site.host, *site.names, plain.local)
        bad = certificate_fault(faults, plain.peer, self._world)
        context = self._certificates.of(site, certificate_name(site, hello.sni), fault=bad)
        session = TlsStream(plain, context, hello=hello.raw)
        with suppress(ssl.SSLError):
            async with asyncio.timeout(IDLE_S):
                await session.handshake()
            await wait_out(session)


async def _http(wire: Wire, plain: PlainStream, rng: random.Random) -> None:
    await wire.peek(1)
    await wire.write(_PAGE)
    await wire.close()


async def _echo(wire: Wire, plain: PlainStream, rng: random.Random) -> None:
    while data := await wire.read():
        await wire.write(data)


async def _garbage(wire: Wire, plain: PlainStream, rng: random.Random) -> None:
    await wire.peek(1)
    await wire.write(make_noise(rng))
    await wait_out(wire)


async def _silence(wire: Wire, plain: PlainStream, rng: random.Random) -> None:
    await wait_out(wire)


async def _close(wire: Wire, plain: PlainStream, rng: random.Random) -> None:
    await wire.peek(1)
    await wire.read()
    await wire.close()


async def _reset(wire: Wire, plain: PlainStream, rng: random.Random) -> None:
    await wire.peek(1)
    plain.reset()


async def _tls_alert(wire: Wire, plain: PlainStream, rng: random.Random) -> None:
    await wire.peek(1)
    await wire.write(make_tls_alert(rng))
    await wire.close()


_MISBEHAVIOURS: Mapping[str, Callable[[Wire, PlainStream, random.Random], Awaitable[None]]] = {
    "http": _http, "echo": _echo, "garbage": _garbage, "silence": _silence, "close": _close, "reset": _reset,
    "tls_alert": _tls_alert,
}
"""Style of an `app_reply` -> what the server does instead of its own; `wrong` is the answer to another request."""
