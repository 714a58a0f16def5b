"""A connection without sockets: what one end writes the other reads."""

from __future__ import annotations

import asyncio


class MemoryPipe:
    """Both ends: the server's are the methods, the client's the queues."""

    def __init__(self) -> None:
        self.to_server: asyncio.Queue[bytes] = asyncio.Queue()
        self.to_client: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(self) -> bytes:
        return await self.to_server.get()

    async def write(self, data: bytes) -> None:
        await self.to_client.put(data)

    async def close(self) -> None:
        await self.to_client.put(b"")
