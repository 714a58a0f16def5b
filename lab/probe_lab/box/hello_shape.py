"""The shape of a ClientHello, as a middlebox that tells programs apart reads it: what is offered, not what is asked.

Read from the bytes alone (RFC 8446 section 4.1.2); GREASE (RFC 8701) is noticed and otherwise left out.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from probe_lab.box.byte_reader import ByteReader, TooShortError
from probe_lab.box.ja4 import is_grease, name_hello
from probe_lab.wire.packet import normalise_address

_HANDSHAKE, _CLIENT_HELLO, _SERVER_NAME = 22, 1, 0
_MAX_EXTENSIONS = 100

Feature = tuple[str, str, str]
"""Key, one of = < >, and value."""
Features = tuple[tuple[Feature, ...], ...]
"""Of each group one alternative at least must hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloShape:
    """One whole ClientHello."""

    name: str
    bytes: int
    """Of the records that carry it, headers included."""
    ciphers: int
    extensions: tuple[int, ...]
    """In their order."""
    grease: bool
    ja4: str


def hello_shape(data: bytes) -> HelloShape | None:
    """The shape of the ClientHello that a stream begins with; None while it is not whole, and for what is none."""
    whole = _message(data)
    if whole is None:
        return None
    message, size = whole
    reader = ByteReader(message)
    try:
        reader.take(4)
        version = reader.number(2)
        reader.take(32)
        reader.take(reader.number(1))
        suites = reader.take(reader.number(2))
        reader.take(reader.number(1))
        found = _extensions(reader.take(reader.number(2)))
    except TooShortError:
        return None
    ciphers = [value for (value,) in struct.iter_unpack("!H", suites[: len(suites) // 2 * 2])]
    plain_kinds = tuple(kind for kind, _ in found if not is_grease(kind))
    return HelloShape(
        name=_read_name(found), bytes=size, ciphers=sum(not is_grease(value) for value in ciphers),
        extensions=plain_kinds, grease=any(map(is_grease, ciphers)) or len(plain_kinds) < len(found),
        ja4=name_hello(version, ciphers, found),
    )


def _message(data: bytes) -> tuple[bytes, int] | None:
    """The first handshake message, and how many bytes its records take; None while something is missing."""
    message, at = bytearray(), 0
    while len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4]):
        if len(data) < at + 5 or data[at] != _HANDSHAKE:
            return None
        length = int.from_bytes(data[at + 3 : at + 5])
        if not length or len(data) < at + 5 + length:
            return None
        message += data[at + 5 : at + 5 + length]
        at += 5 + length
    return (bytes(message), at) if message[0] == _CLIENT_HELLO else None


def _extensions(data: bytes) -> list[tuple[int, bytes]]:
    reader, left = ByteReader(data), len(data)
    found: list[tuple[int, bytes]] = []
    while left >= 4 and len(found) < _MAX_EXTENSIONS:
        kind, length = reader.number(2), reader.number(2)
        found.append((kind, reader.take(length)))
        left -= 4 + length
    return found


def _read_name(extensions: Iterable[tuple[int, bytes]]) -> str:
    body = next((body for kind, body in extensions if kind == _SERVER_NAME and len(body) > 5), b"")
    return body[5 : 5 + int.from_bytes(body[3:5])].decode("latin-1").lower().removesuffix(".")


def features_of(match: Iterable[str]) -> Features:
    """The entries of a match, alternatives put together. Raises ValueError for an address that is none."""
    groups: dict[str, list[Feature]] = {}
    for text in match:
        at = min(text.index(sign) for sign in "=<>" if sign in text)
        key, value = text[:at], text[at + 1 :].lower()
        if key == "address":
            value = normalise_address(value)
        groups.setdefault(key, []).append((key, text[at], value))
    return tuple(tuple(group) for group in groups.values())


def fits_shape(shape: HelloShape, server: str, group: Iterable[Feature]) -> bool:
    """Whether one alternative of a group holds of a hello sent to this server."""
    return any(_TESTS[key](shape, server, sign, value) for key, sign, value in group)


def _compares(number: int, sign: str, value: str) -> bool:
    return {"=": number == int(value), "<": number < int(value), ">": number > int(value)}[sign]


def _is_named(name: str, wanted: str) -> bool:
    return name == wanted or (wanted.startswith("*") and bool(name) and name.endswith(wanted[1:]))


_TESTS: Mapping[str, Callable[[HelloShape, str, str, str], bool]] = {
    "name": lambda shape, server, sign, value: _is_named(shape.name, value),
    "address": lambda shape, server, sign, value: server == value,
    "grease": lambda shape, server, sign, value: shape.grease == (value == "yes"),
    "ja4": lambda shape, server, sign, value: shape.ja4 == value,
    "ciphers": lambda shape, server, sign, value: _compares(shape.ciphers, sign, value),
    "extensions": lambda shape, server, sign, value: _compares(len(shape.extensions), sign, value),
    "bytes": lambda shape, server, sign, value: _compares(shape.bytes, sign, value),
    "first": lambda shape, server, sign, value: shape.extensions[:1] == (int(value, 16),),
    "has": lambda shape, server, sign, value: int(value, 16) in shape.extensions,
    "lacks": lambda shape, server, sign, value: int(value, 16) not in shape.extensions,
}
