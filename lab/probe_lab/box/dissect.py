"""What a middlebox looks for in the first bytes of a flow: an HTTP Host, a DNS question.

Readers of a stream give None while they need more bytes, and a value that says "nothing here" once they know.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from probe_lab.box.byte_reader import ByteReader, TooShortError
from probe_lab.wire.packet import pack_address

METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"TRACE ")
_HOST = re.compile(rb"\r?\nhost:[ \t]*([^\r\n]*)\r?\n", re.IGNORECASE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_MAX_HEAD_BYTES = 8192


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
    if not any(data.startswith(method[: len(data)]) for method in METHODS):
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


TYPE_A, TYPE_AAAA, TYPE_HTTPS = 1, 28, 65
QTYPES = {TYPE_A: "A", TYPE_AAAA: "AAAA", TYPE_HTTPS: "HTTPS"}
"""Types of question -> their names."""
_CNAME = 5
_NAME_ASKED = b"\xc0\x0c"
"""Compressed: the name in the question."""
_ADDRESS_BYTES = {TYPE_A: 4, TYPE_AAAA: 16, TYPE_HTTPS: 4}
_HTTPS_HEAD = b"\0\1\0" + b"\0\1\0\3\2h2"
"""Priority 1, the owner itself, and HTTP/2 (RFC 9460 section 2.2)."""
_IPV4_HINT = 4
_QUERY_MASK = 0xF800  # QR and opcode: both zero in a standard query
_RD, _RA, _AA, _QR = 0x0100, 0x0080, 0x0400, 0x8000


def dns_question(payload: bytes) -> Question | None:
    """The question of a standard query with exactly one; None for anything else."""
    if len(payload) < 12:
        return None
    query_id, flags, questions = struct.unpack_from("!HHH", payload)
    if flags & _QUERY_MASK or questions != 1:
        return None
    reader = ByteReader(payload[12 : 12 + 259])
    labels: list[bytes] = []
    try:
        while (length := reader.number(1)) != 0:
            if length > 63:
                return None
            labels.append(reader.take(length))
        kind = reader.number(2)
        reader.take(2)
    except TooShortError:
        return None
    size = sum(len(label) + 1 for label in labels) + 1
    return Question(
        query_id=query_id, recursion_desired=bool(flags & _RD), name=_text(b".".join(labels)), kind=kind,
        wire=payload[12 : 12 + size + 4],
    )


def dns_answer(
    question: Question,
    *,
    addresses: Iterable[str] = (),
    cname: str = "",
    rcode: int = 0,
    ttl_s: int = 60,
    authoritative: bool = False,
    classless: bool = False,
) -> bytes:
    """A reply with these addresses of the family asked for; one without records when there are none. The addresses are
    the hints of an HTTPS record where that was asked for.

    `cname`: the addresses belong to this name, and a CNAME leads to it; `classless`: the question lacks its class.
    """
    size = _ADDRESS_BYTES.get(question.kind, 0)
    data = [record for record in map(pack_address, addresses) if len(record) == size and not rcode]
    records = [_record(_NAME_ASKED, _CNAME, ttl_s, dns_name(cname))] if cname and not rcode else []
    owner = dns_name(cname) if records else _NAME_ASKED
    if question.kind == TYPE_HTTPS and data:
        data = [_HTTPS_HEAD + struct.pack("!HH", _IPV4_HINT, 4 * len(data)) + b"".join(data)]
    records += [_record(owner, question.kind, ttl_s, address) for address in data]
    flags = _QR | _RA | rcode | (_AA if authoritative else 0) | (_RD if question.recursion_desired else 0)
    head = struct.pack("!HHHHHH", question.query_id, flags, 1, len(records), 0, 0)
    return head + question.wire[: -2 if classless else None] + b"".join(records)


def _record(owner: bytes, kind: int, ttl_s: int, data: bytes) -> bytes:
    return owner + struct.pack("!HHIH", kind, 1, ttl_s, len(data)) + data


def dns_name(name: str) -> bytes:
    """A name as DNS writes it, uncompressed (RFC 1035 3.1). Raises UnicodeEncodeError for other than ASCII."""
    labels = [label.encode("ascii") for label in name.split(".") if label]
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
