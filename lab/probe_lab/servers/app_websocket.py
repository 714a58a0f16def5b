"""The server's side of WebSocket (RFC 6455): the answer to an opening, and a stream of messages behind it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

from probe_lab.servers.http1 import Request, head_bytes
from probe_lab.servers.streams import Stream

TEXT, BINARY = 1, 2
_CLOSE, _PING, _PONG = 8, 9, 10
_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MAX_MESSAGE = 1 << 16


def is_opening(request: Request) -> bool:
    """Whether a request asks for the upgrade as section 4.1 wants it."""
    headers = request.headers
    return (request.method == "GET" and headers.get("upgrade", "").lower() == "websocket"
            and "upgrade" in headers.get("connection", "").lower() and headers.get("sec-websocket-version") == "13"
            and bool(headers.get("sec-websocket-key")))


def switching(request: Request, *, key: str = "") -> bytes:
    """101 with the proof of the client's key, or of another; the first subprotocol that was offered is taken."""
    proof = (key or request.headers["sec-websocket-key"]) + _MAGIC
    accept = base64.b64encode(hashlib.sha1(proof.encode("latin-1", "replace"), usedforsecurity=False).digest()).decode()
    headers = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)]
    offered = request.headers.get("sec-websocket-protocol", "").partition(",")[0].strip()
    return head_bytes(101, headers + ([("Sec-WebSocket-Protocol", offered)] if offered else []))


def message(kind: int, payload: bytes) -> bytes:
    """One frame that is a whole message; servers do not mask."""
    length = len(payload)
    size = bytes([length]) if length < 126 else (
        b"\x7e" + length.to_bytes(2) if length < 1 << 16 else b"\x7f" + length.to_bytes(8))
    return bytes([0x80 | kind]) + size + payload


class MessageStream:
    """What a client says in its messages, one after another, and what it is answered in messages of one kind.

    A frame without a mask ends the stream, as section 5.1 wants it.
    """

    def __init__(self, stream: Stream, kind: int, *, begun: bytes = b"") -> None:
        """`begun` is what came with the opening."""
        self._stream = stream
        self._kind = kind
        self._buffer = begun

    async def read(self) -> bytes:
        """The next message's payload; empty when the client ends."""
        while True:
            found = _frame(self._buffer)
            if found is None:
                data = await self._stream.read()
                if not data or len(self._buffer) > _MAX_MESSAGE:
                    return b""
                self._buffer += data
                continue
            code, payload, self._buffer = found
            if code == _PING:
                await self._stream.write(message(_PONG, payload))
            elif code in (TEXT, BINARY, 0) and payload:
                return payload
            elif code == _CLOSE:
                return b""

    async def write(self, data: bytes) -> None:
        await self._stream.write(message(self._kind, data))

    async def close(self) -> None:
        await self._stream.close()


def _frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """(opcode, payload, what follows) of a client's frame; None while it is not there; unmasked, it is a close."""
    if len(data) < 2:
        return None
    if not data[1] & 0x80:
        return _CLOSE, b"", b""
    length, at = data[1] & 0x7F, 2
    if length > 125:
        at += 2 if length == 126 else 8
        length = int.from_bytes(data[2:at])
    if len(data) < at + 4 + length:
        return None
    mask, body = data[at : at + 4], data[at + 4 : at + 4 + length]
    return data[0] & 0x0F, bytes(byte ^ mask[n % 4] for n, byte in enumerate(body)), data[at + 4 + length :]


class HiddenStream:
    """MTProto's obfuscation on the server's side: what the client hid is read in the clear, answers are hidden.

    The first 64 bytes hold both keys, and under the first of them the mark of the transport (core.telegram.org,
    MTProto transports); the mark comes out first, as a client without obfuscation would have sent it.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._start = b""
        self._show: Callable[[bytes], bytes] | None = None
        self._hide: Callable[[bytes], bytes] | None = None

    async def read(self) -> bytes:
        data = await self._stream.read()
        if self._show is not None:
            return self._show(data)
        self._start += data
        if not data or len(self._start) < 64:
            return b"" if not data else await self.read()
        self._show = _counter(self._start[8:40], self._start[40:56])
        backwards = self._start[55:7:-1]
        self._hide = _counter(backwards[:32], backwards[32:])
        shown = self._show(self._start)
        mark = shown[56:60]
        return (mark if mark == b"\xee" * 4 else mark[:1]) + shown[64:]

    async def write(self, data: bytes) -> None:
        await self._stream.write(self.hide(data))

    def hide(self, data: bytes) -> bytes:
        """An answer as the client expects it."""
        return self._hide(data) if self._hide else data

    async def close(self) -> None:
        await self._stream.close()


def _counter(key: bytes, iv: bytes) -> Callable[[bytes], bytes]:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor().update
