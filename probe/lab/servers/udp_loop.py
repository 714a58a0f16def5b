"""Datagrams on bound sockets, answered in turns by the one process that is every server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

_MOST_BYTES = 65535
_BATCH = 16
"""Datagrams answered before others get their turn."""


def answer_datagrams(bound: socket.socket, reply: Callable[[bytes, str, int], bytes | None]) -> None:
    """Send what `reply` makes of each datagram (its bytes, the client's address and port) back from the address that
    it was sent to, while the loop runs; None: nothing."""

    def attend() -> None:
        for _ in range(_BATCH):
            try:
                message, client = bound.recvfrom(_MOST_BYTES)
            except OSError:
                return  # nothing waits, or an earlier reply could not be delivered
            answer = reply(message, client[0], client[1])
            if answer is not None:
                with suppress(OSError):
                    bound.sendto(answer, client)

    asyncio.get_running_loop().add_reader(bound.fileno(), attend)
