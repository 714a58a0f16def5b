"""What a middlebox looks for in the first bytes of a flow: the name in a ClientHello, an HTTP Host, a DNS question.

Readers of a stream give None while they need more bytes, and a value that says "nothing here" once they know.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from probe.lab.packet import packed

MAX_STREAM_BYTES = 16_384
"""No reader asks for more."""

_HANDSHAKE = 22
_CLIENT_HELLO = 1
_SERVER_NAME = 0
_METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"TRACE ")
_HOST = re.compile(rb"\r?\nhost:[ \t]*([^\r\n]*)\r?\n", re.IGNORECASE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_MAX_HEAD_BYTES = 8192


class _Short(Exception):
    """The bytes end before the structure does."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        if self._at + count > len(self._data):
            raise _Short
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))


def server_name(data: bytes) -> str | None:
    """The SNI of the ClientHello that a stream begins with (RFC 6066), in lower case.

    Empty when it is no ClientHello or names nobody; None while more bytes are needed.
    """
    if data[:1] != bytes((_HANDSHAKE,)):
        return "" if data else None
    message = _handshake_bytes(data)
    if message is None:
        return ""
    try:
        return _name_in_hello(_Reader(message))
    except _Short:
        return None if len(data) < MAX_STREAM_BYTES else ""


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


def _name_in_hello(hello: _Reader) -> str:
    if hello.number(1) != _CLIENT_HELLO:
        return ""
    hello.take(3 + 2 + 32)  # length, version, random
    hello.take(hello.number(1))  # session
    hello.take(hello.number(2))  # cipher suites
    hello.take(hello.number(1))  # compression methods
    left = hello.number(2)
    while left >= 4:
        kind, length = hello.number(2), hello.number(2)
        left -= 4 + length
        body = hello.take(length)
        if kind == _SERVER_NAME:
            return _first_name(body)
    return ""


def _first_name(body: bytes) -> str:
    if len(body) < 5 or body[2] != 0:
        return ""
    return _text(body[5 : 5 + int.from_bytes(body[3:5])])


def _text(name: bytes) -> str:
    return name.decode("latin-1").lower().removesuffix(".")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """The head of an HTTP/1 request; an empty method means that the bytes are no such request."""

    method: str = ""
    host: str = ""
    """Of the Host field, in lower case, without the port."""


NO_REQUEST = HttpRequest()


def http_request(data: bytes) -> HttpRequest | None:
    """The request that a stream begins with (RFC 9112); None while more bytes are needed."""
    if not any(data.startswith(method[: len(data)]) for method in _METHODS):
        return NO_REQUEST
    end = _HEAD_END.search(data)
    head = data[: end.end() if end else _MAX_HEAD_BYTES]
    host = _HOST.search(head)
    if host is None and end is None and len(data) < _MAX_HEAD_BYTES:
        return None
    method = head.split(b" ", 1)[0].decode("ascii")
    return HttpRequest(method=method, host=_host_name(host.group(1)) if host else "")


def _host_name(value: bytes) -> str:
    name = _text(value.strip())
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0].removesuffix(".")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The one question of a DNS query (RFC 1035 4.1)."""

    query_id: int
    recursion_desired: bool
    name: str
    """In lower case, without the final dot."""
    kind: int
    wire: bytes
    """Name, type and class as asked, to be repeated in an answer."""


TYPE_A, TYPE_AAAA = 1, 28
_ADDRESS_BYTES = {TYPE_A: 4, TYPE_AAAA: 16}
_QUERY_MASK = 0xF800  # QR and opcode: both zero in a standard query
_RD, _RA, _AA, _QR = 0x0100, 0x0080, 0x0400, 0x8000


def dns_question(payload: bytes) -> Question | None:
    """The question of a standard query with exactly one; None for anything else."""
    if len(payload) < 12:
        return None
    query_id, flags, questions = struct.unpack_from("!HHH", payload)
    if flags & _QUERY_MASK or questions != 1:
        return None
    reader = _Reader(payload[12 : 12 + 259])
    labels: list[bytes] = []
    try:
        while (length := reader.number(1)) != 0:
            if length > 63:
                return None
            labels.append(reader.take(length))
        kind = reader.number(2)
        reader.take(2)
    except _Short:
        return None
    size = sum(len(label) + 1 for label in labels) + 1
    return Question(
        query_id=query_id, recursion_desired=bool(flags & _RD), name=_text(b".".join(labels)), kind=kind,
        wire=payload[12 : 12 + size + 4],
    )


def dns_answer(
    question: Question, *, addresses: Iterable[str] = (), rcode: int = 0, ttl_s: int = 60, authoritative: bool = False
) -> bytes:
    """A reply with these addresses of the family asked for; one without records when there are none."""
    size = _ADDRESS_BYTES.get(question.kind, 0)
    data = [record for record in map(packed, addresses) if len(record) == size and not rcode]
    flags = _QR | _RA | rcode | (_AA if authoritative else 0) | (_RD if question.recursion_desired else 0)
    head = struct.pack("!HHHHHH", question.query_id, flags, 1, len(data), 0, 0)
    records = [struct.pack("!HHHIH", 0xC00C, question.kind, 1, ttl_s, size) + record for record in data]
    return head + question.wire + b"".join(records)
