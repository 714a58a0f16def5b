"""What a TLS ClientHello tells whoever listens: the server's name, and whether an encrypted hello goes along.

Readers take the bytes that have come so far and say None for what they cannot know before more come.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from probe_lab.box.byte_reader import ByteReader, TooShortError

MAX_STREAM_BYTES = 16_384
"""No reader of a stream asks for more."""

_HANDSHAKE = 22
_CLIENT_HELLO = 1
_SERVER_NAME = 0
_ENCRYPTED = frozenset((0xFE0D, 0xFFCE))
"""encrypted_client_hello (RFC 9849), and encrypted_server_name of the drafts before it."""


@dataclass(frozen=True, slots=True)
class Hello:
    """One ClientHello as far as it has come; of what is none, the name is empty and nothing is encrypted."""

    name: str | None
    """The outer server name (RFC 6066), in lower case; empty: nobody is named; None: not known yet."""
    encrypted: bool | None
    """Whether an encrypted hello goes along; None: not known yet."""


NO_HELLO = Hello("", False)


def server_name(data: bytes) -> str | None:
    """The name in the ClientHello that a stream begins with; empty when there is none, None while unknown."""
    return client_hello(data).name


def client_hello(data: bytes) -> Hello:
    """The ClientHello that a TLS stream begins with."""
    if not data:
        return Hello(None, None)
    message = _handshake_bytes(data) if data[0] == _HANDSHAKE else None
    if message is None:
        return NO_HELLO
    hello = hello_of_message(message)
    return _final(hello) if len(data) >= MAX_STREAM_BYTES else hello


def hello_of_message(message: bytes) -> Hello:
    """The ClientHello that handshake bytes without records begin with, as QUIC carries them."""
    reader = ByteReader(message)
    name: str | None = None
    encrypted = False
    try:
        if reader.number(1) != _CLIENT_HELLO:
            return NO_HELLO
        _skip_to_extensions(reader)
        left = reader.number(2)
        while left >= 4:
            kind, length = reader.number(2), reader.number(2)
            left -= 4 + length
            encrypted = encrypted or kind in _ENCRYPTED
            body = reader.take(length)
            if kind == _SERVER_NAME and name is None:
                name = _first_name(body)
    except TooShortError:
        return Hello(name, encrypted or None)
    return Hello(name or "", encrypted)


def _final(hello: Hello) -> Hello:
    """What stands when no more bytes will be read."""
    return Hello(hello.name or "", bool(hello.encrypted))


def _skip_to_extensions(reader: ByteReader) -> None:
    reader.take(3 + 2 + 32)  # length, version, random
    reader.take(reader.number(1))  # session
    reader.take(reader.number(2))  # cipher suites
    reader.take(reader.number(1))  # compression methods


def _handshake_bytes(data: bytes) -> bytes | None:
    """The handshake messages of the leading records, joined (RFC 8446 5.1); None if a record is no such thing."""
    message = bytearray()
    at = 0
    while at + 5 <= len(data):
        kind, major, _, length = struct.unpack_from("!BBBH", data, at)
        if kind != _HANDSHAKE:
            break
        if major != 3 or not 0 < length <= MAX_STREAM_BYTES:
            return None
        message += data[at + 5 : at + 5 + length]
        at += 5 + length
    return bytes(message)


def _first_name(body: bytes) -> str:
    if len(body) < 5 or body[2] != 0:
        return ""
    return body[5 : 5 + int.from_bytes(body[3:5])].decode("latin-1").lower().removesuffix(".")
