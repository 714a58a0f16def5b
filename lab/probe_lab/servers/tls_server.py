"""The TLS side of a site: which certificate for which name, what ALPN leads to, and how servers misbehave."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping

from probe_lab.lab_types import Fault, World
from probe_lab.servers.app_server import spoken_at
from probe_lab.servers.certificates import Certificates, certificate_name
from probe_lab.servers.client_hello import has_grease, read_hello
from probe_lab.servers.faults import Faults, certificate_fault, number, shows_to, text
from probe_lab.servers.http2 import attend_http2
from probe_lab.servers.served_sites import Site
from probe_lab.servers.streams import PlainStream, Stream, TlsStream

IDLE_S = 10.0
"""How long a server waits for a silent client, seconds."""

HANDSHAKE_FAILURE = 40
_UNRECOGNIZED_NAME = 112
"""Alert descriptions (RFC 8446 6.2)."""

_STRICT_SHARE = 0.2
"""Share of the sites that refuse a name they do not know instead of showing their default certificate."""

_SPOKEN = {"http/1.1", "dot"}
"""Protocols (RFC 7301) with which a speaker begins; a client that offers none means them."""

Serve = Callable[[Stream, Site, PlainStream], Awaitable[None]]
"""Speaks on an established session; gets the connection below for its addresses and for a reset."""


class TlsServer:
    """Accepts TLS for the sites of one world and hands the session on."""

    def __init__(
        self, world: World, faults: Faults, certificates: Certificates, *, speakers: Mapping[str, Serve],
        apps: Serve | None = None,
    ) -> None:
        """`speakers` says by kind of site who speaks inside, `apps` at messengers' own; others say nothing."""
        self._world = world
        self._faults = faults
        self._certificates = certificates
        self._speakers = speakers
        self._apps = apps

    async def attend(self, stream: PlainStream, site: Site) -> None:
        """Serve one connection from the ClientHello to its end."""
        async with asyncio.timeout(IDLE_S):
            hello = await read_hello(stream)
        if hello is None:
            return
        site = site.with_name(hello.sni)
        peer, faults = stream.peer, self._faults.of("tls", site.host, *site.names, stream.local)
        for fault in faults:
            if fault.kind in MISBEHAVIOURS and shows_to(peer, fault, self._world) and self._faults.happens(fault):
                await MISBEHAVIOURS[fault.kind](stream, fault)
                return
        for fault in faults:
            if fault.kind == "tls_late":
                await asyncio.sleep(number(fault.params, "after_s", 8))
        picky = next((fault for fault in faults if fault.kind == "tls_picky"), None)
        if picky is not None and not has_grease(hello.raw) and shows_to(peer, picky, self._world):
            await _PICKY[text(picky.params, "reply", "alert")](stream, picky)
            return
        alert = refusal(self._world.seed, site, hello.sni)
        if alert:
            await stream.write(_fatal(alert))
            return
        bad = certificate_fault(faults, peer, self._world)
        context = self._certificates.of(site, certificate_name(site, hello.sni), fault=bad)
        session = TlsStream(stream, context, hello=hello.raw)
        async with asyncio.timeout(IDLE_S):
            protocol = await session.handshake()
        late = next((fault for fault in faults if fault.kind == "tls_cut_late"), None)
        try:
            async with asyncio.timeout(number(late.params, "after_s", 4) if late else None):
                await self._speak(session, protocol, site, stream)
        except TimeoutError:
            if late is None:
                raise
            stream.reset()
            return
        await session.close()

    async def _speak(self, session: TlsStream, protocol: str, site: Site, stream: PlainStream) -> None:
        if self._apps and site.kind == "tls" and spoken_at(site):
            await self._apps(session, site, stream)
        elif protocol == "h2":
            await attend_http2(session, site, stream)
        elif site.kind in self._speakers and _SPOKEN & {*site.alpn}:
            await self._speakers[site.kind](session, site, stream)
        else:
            await wait_for_end(session)


def refusal(seed: int, site: Site, sni: str) -> int:
    """The alert with which a strict site answers a foreign name or none; 0 where it answers otherwise."""
    if sni in site.names or not site.rows:
        return 0
    if random.Random(f"{seed}:{site.host}:strict").random() >= _STRICT_SHARE:
        return 0
    return _UNRECOGNIZED_NAME if sni else HANDSHAKE_FAILURE


async def wait_for_end(stream: Stream) -> None:
    """Keep a connection open, whatever the client sends, until the client leaves or falls silent."""
    while True:
        async with asyncio.timeout(IDLE_S):
            if not await stream.read():
                return


def _fatal(description: int) -> bytes:
    return bytes((21, 3, 3, 0, 2, 2, description))


async def _reset(stream: PlainStream, _: Fault) -> None:
    stream.reset()


async def _close(stream: PlainStream, _: Fault) -> None:
    await stream.close()


async def _alert(stream: PlainStream, fault: Fault) -> None:
    await stream.write(_fatal(int(number(fault.params, "description", HANDSHAKE_FAILURE))))


async def _junk(stream: PlainStream, _: Fault) -> None:
    await stream.write(b"\xff\x00NOT TLS\r\n" * 12)


async def _silence(stream: PlainStream, _: Fault) -> None:
    while await stream.read():
        pass


_PICKY: dict[str, Callable[[PlainStream, Fault], Awaitable[None]]] = {
    "alert": _alert, "reset": _reset, "close": _close, "silence": _silence,
}

MISBEHAVIOURS: dict[str, Callable[[PlainStream, Fault], Awaitable[None]]] = {
    "tls_reset": _reset,
    "tls_close": _close,
    "tls_alert": _alert,
    "tls_junk": _junk,
    "tls_silence": _silence,
}
"""Kind of fault -> what the server does after the ClientHello."""
