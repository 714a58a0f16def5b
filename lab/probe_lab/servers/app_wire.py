"""Reading a messenger's stream by lengths and marks, whatever pieces it comes in."""

from __future__ import annotations

import asyncio

from probe_lab.servers.streams import Stream

IDLE_S = 10.0
"""How long a messenger's server waits for a silent client, seconds."""

_MAX_BUFFER = 65_536


async def wait_out(stream: Wire | Stream) -> None:
    """Until the client leaves or falls silent."""
    async with asyncio.timeout(IDLE_S):
        while await stream.read():
            pass


class Wire:
    """What has been read and not used stays, and can be read again as a stream: a server may find another's client."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._rest = b""

    async def peek(self, count: int) -> bytes:
        """The next `count` bytes without taking them; fewer where the client has ended."""
        while len(self._rest) < count and await self._more():
            pass
        return self._rest[:count]

    async def exactly(self, count: int) -> bytes:
        """So many bytes; raises EOFError when the client ends before."""
        while len(self._rest) < count:
            if not await self._more():
                raise EOFError
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    async def until(self, mark: bytes) -> bytes:
        """Everything up to a mark and the mark itself; raises EOFError when it does not come."""
        while mark not in self._rest:
            if len(self._rest) > _MAX_BUFFER or not await self._more():
                raise EOFError
        before, _, self._rest = self._rest.partition(mark)
        return before + mark

    async def _more(self) -> bool:
        async with asyncio.timeout(IDLE_S):
            data = await self._stream.read()
        self._rest += data
        return bool(data)

    async def read(self) -> bytes:
        """As a stream: what is left over first."""
        if self._rest:
            taken, self._rest = self._rest, b""
            return taken
        return await self._stream.read()

    async def write(self, data: bytes) -> None:
        await self._stream.write(data)

    async def close(self) -> None:
        await self._stream.close()


class Given:
    """A message that has come whole, as a stream."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def read(self) -> bytes:
        data, self._data = self._data, b""
        return data

    async def write(self, data: bytes) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        return
