"""Accepted connections as byte streams, plain or under TLS, with the rude endings that real servers know.

Sockets are bound by address, even one that no interface owns (IP_FREEBIND); everything else is refused by the
kernel. Nagle's algorithm is off everywhere: with delayed acknowledgements it would add 40 ms to a handshake.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeVar

CONNECTION_S = 120.0
"""Longest life of a connection, seconds."""

_IP_FREEBIND = 15
_IPV6_FREEBIND = 78
_BACKLOG = 128
_CHUNK = 65536

T = TypeVar("T")


class Stream(Protocol):
    """What a server needs of a connection, with or without TLS."""

    async def read(self) -> bytes:
        """The next bytes; empty at the end."""

    async def write(self, data: bytes) -> None:
        """Send all of it; raises OSError when the peer is gone."""

    async def close(self) -> None:
        """End in good order: everything written is sent first."""


class Ends(Protocol):
    """Who speaks with which address, over whatever transport."""

    @property
    def peer(self) -> str:
        """The client's address."""

    @property
    def local(self) -> str:
        """The address that the client asked."""


class PlainStream:
    """A TCP connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, peer: str = "", local: str = ""
    ) -> None:
        self._reader = reader
        self._writer = writer
        self.peer = peer
        """The client's address."""
        self.local = local
        """The address that the client connected to."""

    async def read(self) -> bytes:
        return await self._reader.read(_CHUNK)

    async def exactly(self, count: int) -> bytes:
        """So many bytes; raises EOFError when the peer ends before."""
        return await self._reader.readexactly(count)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    def reset(self) -> None:
        """End with a RST."""
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


class TlsStream:
    """The server's end of TLS on a connection whose ClientHello was already read."""

    def __init__(self, plain: PlainStream, context: ssl.SSLContext, *, hello: bytes) -> None:
        self._plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._incoming.write(hello)
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def handshake(self) -> str:
        """Complete the handshake; the protocol that ALPN chose, or empty. Raises ssl.SSLError or EOFError."""
        await self._run(self._tls.do_handshake)
        return self._tls.selected_alpn_protocol() or ""

    async def read(self) -> bytes:
        try:
            return await self._run(lambda: self._tls.read(_CHUNK))
        except (EOFError, ssl.SSLError):
            return b""

    async def write(self, data: bytes) -> None:
        for start in range(0, len(data), _CHUNK):
            part = data[start : start + _CHUNK]
            await self._run(lambda part=part: self._tls.write(part))  # type: ignore[misc]

    async def close(self) -> None:
        with suppress(ssl.SSLError, OSError):
            self._tls.unwrap()
        with suppress(OSError):
            await self._flush()
        await self._plain.close()

    async def _run(self, step: Callable[[], T]) -> T:
        """Do one step of the TLS machine, feeding it what the peer sends until it is content."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._plain.read()
                if not data:
                    raise EOFError from None
                self._incoming.write(data)
            except ssl.SSLError:
                await self._flush()
                raise
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            await self._plain.write(data)


Handler = Callable[[PlainStream], Awaitable[None]]


class Listeners:
    """Binds listeners and gives each accepted connection to its handler, all in one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self, address: str, port: int, handler: Handler) -> None:
        """Listen on one address and port; raises OSError where that is impossible."""
        listener = bound_socket(address, port, socket.SOCK_STREAM)
        listener.listen(_BACKLOG)
        self._sockets.append(listener)
        self._loop.add_reader(listener.fileno(), self._accept, listener, handler)

    def close(self) -> None:
        """Stop listening and drop every connection."""
        for listener in self._sockets:
            self._loop.remove_reader(listener.fileno())
            listener.close()
        for task in self._tasks:
            task.cancel()

    def _accept(self, listener: socket.socket, handler: Handler) -> None:
        try:
            accepted, (peer, *_) = listener.accept()
        except OSError:
            return  # the client was quicker to leave than we to accept
        accepted.setblocking(False)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = self._loop.create_task(_attend(accepted, peer, handler))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception():
            self._loop.call_exception_handler({"message": "a server broke", "exception": task.exception()})


async def _attend(accepted: socket.socket, peer: str, handler: Handler) -> None:
    local: str = accepted.getsockname()[0]
    # A client may be gone, silent or rude at any point; that ends this connection and nothing else.
    with suppress(OSError, EOFError, TimeoutError):
        reader, writer = await asyncio.open_connection(sock=accepted)
        try:
            async with asyncio.timeout(CONNECTION_S):
                await handler(PlainStream(reader, writer, peer=peer, local=local))
        finally:
            writer.close()


def bound_socket(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A non-blocking socket bound to an address that need not belong to any interface. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, kind)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
        else:
            made.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
        made.bind((address, port))
    except OSError:
        made.close()
        raise
    return made
