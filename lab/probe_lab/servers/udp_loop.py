"""Datagrams on bound sockets, answered in turns by the one process that is every server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

_MOST_BYTES = 65535
_BATCH = 16
"""Datagrams answered before others get their turn."""


def answer_datagrams(bound: socket.socket, reply: Callable[[bytes, str, int], bytes | None],
                     wait_s: Callable[[bytes], float] = lambda _: 0.0) -> None:
    """Send what `reply` makes of each datagram (its bytes, the client's address and port) back from the address that
    it was sent to, `wait_s` later, while the loop runs; None: nothing."""
    loop = asyncio.get_running_loop()

    def send(answer: bytes, client: tuple[str, int]) -> None:
        with suppress(OSError):
            bound.sendto(answer, client)

    def attend() -> None:
        for _ in range(_BATCH):
            try:
                message, client = bound.recvfrom(_MOST_BYTES)
            except OSError:
                return  # nothing waits, or an earlier reply could not be delivered
            answer = reply(message, client[0], client[1])
            later_s = wait_s(message)
            if answer is not None and later_s > 0:
                loop.call_later(later_s, send, answer, client)
            elif answer is not None:
                send(answer, client)

    loop.add_reader(bound.fileno(), attend)
