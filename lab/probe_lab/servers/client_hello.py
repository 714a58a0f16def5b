"""Reads a TLS ClientHello off the wire and tells which server it asks for (RFC 8446 4.1.2, RFC 6066 3)."""

from __future__ import annotations

from dataclasses import dataclass

from probe_lab.servers.streams import PlainStream

_HANDSHAKE = 22
_CLIENT_HELLO = 1
_SERVER_NAME = 0
_MAX_BYTES = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """One ClientHello: the bytes as they came and the name in it."""

    raw: bytes
    sni: str
    """In lower case; empty where the client named no server."""


async def read_hello(stream: PlainStream) -> Hello | None:
    """The ClientHello that opens a connection, however it is cut into records; None for anything else.

    Raises EOFError when the peer ends in the middle.
    """
    raw, message = b"", b""
    while len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4], "big"):
        header = await stream.exactly(5)
        if header[0] != _HANDSHAKE or len(raw) > _MAX_BYTES:
            return None
        record = await stream.exactly(int.from_bytes(header[3:5], "big"))
        raw += header + record
        message += record
        if message[:1] != bytes([_CLIENT_HELLO]):
            return None
    return Hello(raw=raw, sni=server_name(message[4:]))


def has_grease(raw: bytes) -> bool:
    """Whether the cipher suites of a ClientHello in one record hold a value of RFC 8701, as those of browsers do."""
    hello = _Cursor(raw[9:])
    try:
        hello.take(2 + 32)
        hello.vector(1)
        suites = hello.vector(2)
    except IndexError:
        return False
    return any(suites[at] == suites[at + 1] and suites[at] & 0x0F == 0x0A for at in range(0, len(suites) - 1, 2))


def server_name(body: bytes) -> str:
    """The host name in the body of a ClientHello; empty where there is none or the body makes no sense."""
    try:
        return _server_name(_Cursor(body))
    except (IndexError, UnicodeDecodeError):
        return ""


def _server_name(hello: _Cursor) -> str:
    hello.take(2 + 32)
    for length_bytes in (1, 2, 1):  # session id, cipher suites, compression methods
        hello.vector(length_bytes)
    extensions = _Cursor(hello.vector(2))
    while extensions:
        kind = int.from_bytes(extensions.take(2), "big")
        data = extensions.vector(2)
        if kind == _SERVER_NAME:
            names = _Cursor(_Cursor(data).vector(2))
            names.take(1)
            return names.vector(2).decode("ascii").lower().rstrip(".")
    return ""


class _Cursor:
    """Walks over bytes; IndexError at the end."""

    def __init__(self, data: bytes) -> None:
        self._rest = data

    def __bool__(self) -> bool:
        return bool(self._rest)

    def take(self, count: int) -> bytes:
        if len(self._rest) < count:
            raise IndexError(count)
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def vector(self, length_bytes: int) -> bytes:
        return self.take(int.from_bytes(self.take(length_bytes), "big"))
