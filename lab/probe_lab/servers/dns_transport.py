"""Carries DNS messages for the name servers over UDP and TCP (RFC 1035 4.2, RFC 7766)."""

from __future__ import annotations

import asyncio
import socket
from functools import partial

from probe_lab.servers.dns_replies import NameServers
from probe_lab.servers.streams import Handler, PlainStream
from probe_lab.servers.udp_loop import answer_datagrams

PORT = 53

_IDLE_S = 10.0
_WAITING_BYTES = 4 << 20
"""For questions that came while the process did something else (the kernel may allow less): it is every server at
once, and slower than any of them."""


def serve_datagrams(bound: socket.socket, names: NameServers, role: str) -> None:
    """Answer on a bound UDP socket, each datagram from the address that it was sent to, while the loop runs."""
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WAITING_BYTES)
    answer_datagrams(bound, lambda message, *_: names.reply(message, role=role, udp=True),
                     partial(names.wait_s, role=role))


def tcp_handler(names: NameServers, role: str) -> Handler:
    """What answers DNS on an accepted TCP connection: messages with their length before them."""

    async def attend(stream: PlainStream) -> None:
        while True:
            async with asyncio.timeout(_IDLE_S):
                length = int.from_bytes(await stream.exactly(2), "big")
                message = await stream.exactly(length)
            reply = names.reply(message, role=role, udp=False)
            await asyncio.sleep(names.wait_s(message, role=role))
            if reply is not None:
                await stream.write(len(reply).to_bytes(2, "big") + reply)

    return attend
