"""The little of HTTP/2 (RFC 9113) that hosts of remote procedure calls show to a stranger: `404` to everything.

An answer that does not depend on the question needs no decoder for header fields.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from probe_lab.servers.served_sites import Site
from probe_lab.servers.streams import PlainStream, Stream

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_HEADERS, _SETTINGS, _PING, _GOAWAY, _CONTINUATION = 1, 4, 6, 7, 9
_ACK = _END_STREAM = 0x1
_END_HEADERS = 0x4
_NOT_FOUND = b"\x8d"
"""`:status: 404` of the static table (RFC 7541 A)."""

_OUR_SETTINGS = bytes.fromhex("000300000064 000400100000 000600010000")
"""100 streams, a window of 1 MiB, header lists of 64 KiB (RFC 9113 6.5)."""

_MOST_BYTES = 1 << 20
_IDLE_S = 10.0


async def attend_http2(stream: Stream, site: Site, plain: PlainStream) -> None:
    """Speak on an established session until the client ends, falls silent, or makes no sense."""
    await stream.write(_frame(_SETTINGS, 0, 0, _OUR_SETTINGS))
    waiting = b""
    while not waiting.startswith(_PREFACE):
        if not _PREFACE.startswith(waiting[: len(_PREFACE)]) or not (data := await _more(stream)):
            return
        waiting += data
    waiting = waiting[len(_PREFACE) :]
    while len(waiting) <= _MOST_BYTES:
        used = 0
        for kind, flags, number, payload, end in _frames(waiting):
            used = end
            if kind == _GOAWAY:
                return
            reply = _reply(kind, flags, number, payload)
            if reply:
                await stream.write(reply)
        if not (data := await _more(stream)):
            return
        waiting = waiting[used:] + data


async def _more(stream: Stream) -> bytes:
    async with asyncio.timeout(_IDLE_S):
        return await stream.read()


def _frame(kind: int, flags: int, number: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + number.to_bytes(4) + payload


def _frames(data: bytes) -> Iterator[tuple[int, int, int, bytes, int]]:
    """Every whole frame: kind, flags, stream, payload, and where it ends."""
    at = 0
    while at + 9 <= len(data) and (end := at + 9 + int.from_bytes(data[at : at + 3])) <= len(data):
        number = int.from_bytes(data[at + 5 : at + 9]) & 0x7FFFFFFF
        yield data[at + 3], data[at + 4], number, data[at + 9 : end], end
        at = end


def _reply(kind: int, flags: int, number: int, payload: bytes) -> bytes:
    if kind in (_SETTINGS, _PING) and not flags & _ACK:
        return _frame(kind, _ACK, 0, payload if kind == _PING else b"")
    if kind in (_HEADERS, _CONTINUATION) and flags & _END_HEADERS:
        return _frame(_HEADERS, _END_STREAM | _END_HEADERS, number, _NOT_FOUND)
    return b""
