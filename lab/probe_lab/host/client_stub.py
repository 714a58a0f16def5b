"""A forwarder of DNS on the client itself, as systemd-resolved is one: programs ask 127.0.0.53, it asks the network.

Messages go on as they are, over the transport that they came by.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import cast

_PORT = 53
_WAIT_S = 10.0
_MOST_WAITING = 512
_SERVFAIL = 2


def serve_stub(*, listen: str, upstream: str, ready_fd: int) -> None:
    """Forward between an address of this host and a resolver, until killed.

    Writes one byte to `ready_fd` when it listens. Raises OSError where the address cannot be bound.
    """
    asyncio.run(_serve(listen, upstream, ready_fd))


async def _serve(listen: str, upstream: str, ready_fd: int) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: _Questions(upstream), local_addr=(listen, _PORT))
    server = await asyncio.start_server(lambda reader, writer: _relay(reader, writer, upstream), listen, _PORT)
    os.write(ready_fd, b"\0")
    await server.serve_forever()


class _Questions(asyncio.DatagramProtocol):
    """Takes the questions of the client's programs over UDP."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # no subclass of it before Python 3.12

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(self._tasks) < _MOST_WAITING:
            task = asyncio.get_running_loop().create_task(self._forward(data, addr))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _forward(self, question: bytes, client: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[bytes] = loop.create_future()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Answer(answered), remote_addr=(self._upstream, _PORT)
        )
        try:
            transport.sendto(question)
            async with asyncio.timeout(_WAIT_S):
                reply = await answered
        except (OSError, TimeoutError):
            reply = _failure(question)
        finally:
            transport.close()
        if reply and self._transport is not None:
            self._transport.sendto(reply, client)


class _Answer(asyncio.DatagramProtocol):
    """Waits for the first answer to one question."""

    def __init__(self, answered: asyncio.Future[bytes]) -> None:
        self._answered = answered

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self._answered.done():
            self._answered.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answered.done():
            self._answered.set_exception(exc)


def _failure(question: bytes) -> bytes:
    """SERVFAIL to a question (RFC 1035 4.1.1); empty for what is no message with one."""
    end = 12
    while end < len(question) and question[end]:
        end += question[end] + 1
    end += 5  # the root label, type and class
    if len(question) < end:
        return b""
    flags = bytes((0x80 | question[2] & 0x79, 0x80 | _SERVFAIL))
    return question[:2] + flags + b"\0\1" + bytes(6) + question[12:end]


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: str) -> None:
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_WAIT_S):
            near, far = await asyncio.open_connection(upstream, _PORT)
        await asyncio.gather(_carry(reader, far), _carry(near, writer))
    writer.close()


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(4096):
            sink.write(data)
            await sink.drain()
        sink.close()
