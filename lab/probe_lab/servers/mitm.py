"""The intercepting proxy: reads the server name, then breaks TLS open or passes it through untouched."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress

from probe_lab.lab_types import World
from probe_lab.servers.certificates import Certificates
from probe_lab.servers.client_hello import Hello, read_hello
from probe_lab.servers.faults import Faults, text
from probe_lab.servers.streams import PlainStream, Stream, TlsStream
from probe_lab.servers.tls_server import IDLE_S

_CONNECT_S = 5.0
_TLS_PORT = 443


class Interceptor:
    """Terminates TLS for the names of the `mitm` faults with a foreign certificate; splices all other names."""

    def __init__(self, world: World, faults: Faults, certificates: Certificates) -> None:
        self._world = world
        self._faults = faults
        self._certificates = certificates

    async def attend(self, stream: PlainStream) -> None:
        """Serve one connection; without a name of this world in the hello there is nowhere to go."""
        async with asyncio.timeout(IDLE_S):
            hello = await read_hello(stream)
        if page := next((text(f.params, "page", "") for f in self._faults.all("place") if "page" in f.params), ""):
            await self._answer(stream, hello, page)
            return
        plan = self._world.hosts.get(hello.sni) if hello else None
        if hello is None or plan is None:
            return
        address = (*plan.ipv4, *plan.ipv6)[0]
        if not any(fault.kind == "mitm" for fault in self._faults.of("place", hello.sni)):
            upstream = await _connect(address)
            await upstream.write(hello.raw)
            await _splice(stream, upstream)
            return
        session = TlsStream(stream, self._certificates.foreign(hello.sni), hello=hello.raw)
        async with asyncio.timeout(IDLE_S):
            await session.handshake()
        await _splice(session, await _connect(address, server_name=hello.sni))


    async def _answer(self, stream: PlainStream, hello: Hello | None, page: str) -> None:
        """The proxy's own page, under its own certificate where the client speaks TLS."""
        answer = (f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(page.encode())}"
                  f"\r\nConnection: close\r\n\r\n{page}").encode()
        secure: Stream = stream
        async with asyncio.timeout(IDLE_S):
            if hello is not None:
                session = TlsStream(stream, self._certificates.foreign(hello.sni or "proxy.example"), hello=hello.raw)
                await session.handshake()
                await session.read()
                secure = session
        await secure.write(answer)
        await secure.close()


async def _connect(address: str, *, server_name: str = "") -> PlainStream:
    """A connection to the genuine server, under TLS where a name is given; an interceptor trusts anybody."""
    context = None
    if server_name:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    async with asyncio.timeout(_CONNECT_S):
        reader, writer = await asyncio.open_connection(
            address, _TLS_PORT, ssl=context, server_hostname=server_name or None
        )
    return PlainStream(reader, writer)


async def _splice(one: Stream, other: Stream) -> None:
    """Carry bytes both ways until both sides have ended."""
    await asyncio.gather(_carry(one, other), _carry(other, one))


async def _carry(source: Stream, sink: Stream) -> None:
    with suppress(OSError, EOFError):
        while data := await source.read():
            await sink.write(data)
    with suppress(OSError):
        await sink.close()
