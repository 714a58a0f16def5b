"""DNS over TLS (RFC 7858): the messages of DNS over TCP inside a TLS session."""

from __future__ import annotations

import asyncio

from probe_lab.servers.dns_replies import NameServers
from probe_lab.servers.served_sites import Site
from probe_lab.servers.streams import PlainStream, Stream

_IDLE_S = 10.0


class DotServer:
    """Answers for the public resolvers over established TLS sessions."""

    def __init__(self, names: NameServers) -> None:
        self._names = names

    async def attend(self, stream: Stream, site: Site, plain: PlainStream) -> None:
        """Answer questions, several of which may come at once, until the client ends or falls silent."""
        waiting = b""
        while True:
            async with asyncio.timeout(_IDLE_S):
                data = await stream.read()
            if not data:
                return
            waiting = await self._answer(stream, waiting + data)

    async def _answer(self, stream: Stream, waiting: bytes) -> bytes:
        """Answer every whole message; what is left of the bytes."""
        while len(waiting) >= 2 and len(waiting) >= (end := 2 + int.from_bytes(waiting[:2])):
            message, waiting = waiting[2:end], waiting[end:]
            reply = self._names.reply(message, role="public", udp=False)
            if reply is not None:
                await stream.write(len(reply).to_bytes(2) + reply)
        return waiting
