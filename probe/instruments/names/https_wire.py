"""Replies to questions for HTTPS records (type 65, RFC 9460 section 2), read without trust.

A codec that builds every parameter of every record, and gives up on the whole message where one record is malformed,
would lose what stands beside it. So the message is walked here: its framing must be sound, and a record that cannot be
read counts as one of which nothing is known. Work is bounded by the 64 KiB of a message: compression pointers lead only
backwards, and few times, and each byte of a record is looked at once.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from dataclasses import dataclass, field

from probe.core.replies import HttpsRecord
from probe.core.tables.resolvers import HTTPS
from probe.instruments.names.dns_response import DnsResponse

MAX_BYTES = 65535
MAX_KEPT = 32
"""Addresses, names and records of a reply, and parameters of a record, that are kept."""
MAX_WALKED = 512
"""Records of the answer section that are looked at."""
MAX_TTL_S = 2**31 - 1
MAX_JUMPS = 16
_MAX_NAME = 254
_A, _CNAME, _AAAA, _HTTPS = 1, 5, 28, 65
_KINDS = {"A": _A, "AAAA": _AAAA, HTTPS: _HTTPS}
_ALPN, _IPV4_HINT, _ECH, _IPV6_HINT = 1, 4, 5, 6
_RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
_FLAGS = ((0x8000, "QR"), (0x0400, "AA"), (0x0200, "TC"), (0x0100, "RD"), (0x0080, "RA"), (0x0020, "AD"),
          (0x0010, "CD"))
_TOKEN = re.compile(r"[A-Za-z0-9./_-]{1,32}")
_UNSAFE = re.compile(rb"[^A-Za-z0-9_-]")


class _MalformedError(ValueError):
    """The bytes are not what they must be."""


@dataclass(slots=True, kw_only=True)
class _Found:
    addresses: list[str] = field(default_factory=list)
    cnames: list[str] = field(default_factory=list)
    records: list[HttpsRecord] = field(default_factory=list)
    ttl_s: int = -1


def parse_https_reply(wire: bytes, *, name: str, identity: int) -> DnsResponse:
    """Read a response to the question for this name's HTTPS records; what is wrong with it becomes `failure`.

    `answers` are the addresses of the answer section, also of A and AAAA records that nobody asked for, and the hints.
    """
    return walk_reply(wire, name=name, query_type=HTTPS, identity=identity)


def walk_reply(wire: bytes, *, name: str, query_type: str, identity: int) -> DnsResponse:
    """The same for a question of another type (A, AAAA or HTTPS): in a tenth of the time that the codec takes, without
    what only the codec reads (extended errors, zones). Raises KeyError for other types."""
    try:
        return _read(wire[:MAX_BYTES], name, _KINDS[query_type], identity)
    except (struct.error, IndexError, _MalformedError) as error:
        return DnsResponse(failure=f"malformed {type(error).__name__}")


def _read(wire: bytes, name: str, wanted: int, identity: int) -> DnsResponse:
    number, flags, questions, answers, authority, _ = struct.unpack_from("!6H", wire)
    if number != identity:
        return DnsResponse(failure="dns_reply_with_wrong_query_id")
    if not flags & 0x8000:
        return DnsResponse(failure="not a response")
    asked, at = read_name(wire, 12)
    kind, _ = struct.unpack_from("!2H", wire, at)
    if questions != 1 or kind != wanted or asked.lower() != name.lower().rstrip("."):
        return DnsResponse(failure="another question")
    found = _walk(wire, at + 4, min(answers, MAX_WALKED))
    words = tuple(word for bit, word in _FLAGS if flags & bit)
    return DnsResponse(
        rcode=_RCODES.get(flags & 15, f"RCODE{flags & 15}"), answers=tuple(dict.fromkeys(found.addresses))[:MAX_KEPT],
        cnames=tuple(found.cnames), ttl_s=found.ttl_s, authoritative="AA" in words, truncated="TC" in words,
        flags=" ".join(words), authority_records=min(authority, 999), https_records=tuple(found.records))


def _walk(wire: bytes, at: int, count: int) -> _Found:
    found = _Found()
    for _ in range(count):
        _, at = read_name(wire, at)
        kind, _, ttl_s, size = struct.unpack_from("!HHIH", wire, at)
        at += 10
        if at + size > len(wire):
            raise _MalformedError("the record is longer than the message")
        if len(found.addresses) + len(found.cnames) + len(found.records) < MAX_KEPT:
            _take(found, kind, min(ttl_s, MAX_TTL_S), wire, at, size)
        at += size
    return found


def _take(found: _Found, kind: int, ttl_s: int, wire: bytes, at: int, size: int) -> None:
    """Keep what one record of the answer section says."""
    data = wire[at : at + size]
    if kind == _HTTPS:
        record, hints = read_https_record(data)
        found.records.append(record)
        found.addresses += hints
        found.ttl_s = ttl_s
    elif (kind, size) in ((_A, 4), (_AAAA, 16)):
        found.addresses.append(str(ipaddress.ip_address(data)))
        found.ttl_s = ttl_s
    elif kind == _CNAME:
        found.cnames.append(read_name(wire, at)[0] or ".")


def read_name(wire: bytes, at: int, *, most_jumps: int = MAX_JUMPS) -> tuple[str, int]:
    """The name at a place, and where what follows it begins. Raises `ValueError` or `IndexError` where there is none.

    What no host name has is written as `?`.
    """
    labels: list[str] = []
    size, end, jumps = 0, -1, 0
    while (length := wire[at]) != 0:
        if length >= 0xC0:
            end = at + 2 if end < 0 else end
            to, jumps = (length & 0x3F) << 8 | wire[at + 1], jumps + 1
            if to >= at or jumps > most_jumps:
                raise _MalformedError("a pointer that leads nowhere")
            at = to
            continue
        size += length + 1
        label = wire[at + 1 : at + 1 + length]
        if length > 63 or size > _MAX_NAME or len(label) < length:
            raise _MalformedError("a label that is too long")
        labels.append(_UNSAFE.sub(b"?", label).decode("ascii"))
        at += length + 1
    return ".".join(labels), end if end >= 0 else at + 1


def read_https_record(data: bytes) -> tuple[HttpsRecord, list[str]]:
    """One record and the addresses that it hints at; a record without anything where it cannot be read (RFC 9460
    section 2.2: a client must then treat it as if it were not there)."""
    try:
        priority, = struct.unpack_from("!H", data)
        target, at = read_name(data, 2, most_jumps=0)  # never compressed
        values = _read_parameters(data, at)
        hints = _read_hints(values, _IPV4_HINT, 4) + _read_hints(values, _IPV6_HINT, 16)
        record = HttpsRecord(priority=priority, ech_bytes=len(values.get(_ECH, b"")), keys=tuple(values)[:MAX_KEPT],
                             alpn=_read_alpn(values.get(_ALPN, b"")), target=target.lower() or ".")
    except (struct.error, IndexError, _MalformedError):
        return HttpsRecord(), []
    return record, hints


def _read_parameters(data: bytes, at: int) -> dict[int, bytes]:
    """Number -> value, in the ascending order that the RFC demands."""
    values: dict[int, bytes] = {}
    last = -1
    while at < len(data):
        key, size = struct.unpack_from("!2H", data, at)
        value, at = data[at + 4 : at + 4 + size], at + 4 + size
        if key <= last or len(value) < size:
            raise _MalformedError("parameters out of order, or cut short")
        values[key], last = value, key
    return values


def _read_hints(values: dict[int, bytes], key: int, size: int) -> list[str]:
    data = values.get(key)
    if data is None:
        return []
    if not data or len(data) % size:
        raise _MalformedError("no whole addresses")
    return [str(ipaddress.ip_address(data[at : at + size])) for at in range(0, min(len(data), MAX_KEPT * size), size)]


def _read_alpn(data: bytes) -> tuple[str, ...]:
    """Its protocols; one with other bytes than names have is `?`."""
    found: list[str] = []
    while data and len(found) < MAX_KEPT:
        size, rest = data[0], data[1:]
        if not size or len(rest) < size:
            raise _MalformedError("protocols cut short")
        text = rest[:size].decode("latin-1")
        found.append(text if _TOKEN.fullmatch(text) else "?")
        data = rest[size:]
    return tuple(found)
