"""Carries DNS messages for the name servers over UDP and TCP (RFC 1035 4.2, RFC 7766)."""

from __future__ import annotations

import asyncio
import socket

from probe.lab.servers.dns_replies import NameServers
from probe.lab.servers.streams import Handler, PlainStream

PORT = 53

_IDLE_S = 10.0


class _Datagrams(asyncio.DatagramProtocol):
    """Answers each datagram from the address that it was sent to."""

    def __init__(self, names: NameServers, role: str) -> None:
        self._names = names
        self._role = role
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.DatagramTransport):
            self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        reply = self._names.reply(data, role=self._role, udp=True)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)


async def serve_datagrams(bound: socket.socket, names: NameServers, role: str) -> asyncio.BaseTransport:
    """Answer on a bound UDP socket until the returned transport is closed."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(names, role), sock=bound)
    return transport


def tcp_handler(names: NameServers, role: str) -> Handler:
    """What answers DNS on an accepted TCP connection: messages with their length before them."""

    async def attend(stream: PlainStream) -> None:
        while True:
            async with asyncio.timeout(_IDLE_S):
                length = int.from_bytes(await stream.exactly(2), "big")
                message = await stream.exactly(length)
            reply = names.reply(message, role=role, udp=False)
            if reply is not None:
                await stream.write(len(reply).to_bytes(2, "big") + reply)

    return attend
