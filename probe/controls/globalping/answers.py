"""Reading Globalping's answers: whatever the bytes are, what worked for a probe or nothing. Pure.

A failed test has nothing but a text, a refusal and silence look alike, and lines where servers stand meet walls: so a
single failure says nothing, and only of bare connections is it kept who opened none. Each result is judged alone, and
one that is of another form is left out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import islice
from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from probe.controls.globalping.questions import HOME, Question
from probe.core.addresses import is_bogon, parse_address
from probe.core.json_decoders import decode_json

MAX_BYTES = 2 << 20
"""Of one answer: fifty results with ten thousand bytes of a page each, twice over, fit."""
MAX_RESULTS = 50
MAX_RECORDS = 64
MAX_HEADERS = 100

Code = Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]
_EC_HEADS: dict[int, bytes] = {
    65: bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200"),
    97: bytes.fromhex("3076301006072a8648ce3d020106052b81040022036200"),
    133: bytes.fromhex("30819b301006072a8648ce3d020106052b8104002303818600"),
}
"""Length of a point of P-256, P-384, P-521 -> what comes before it in a SubjectPublicKeyInfo (RFC 5480): of such keys
Globalping tells the point alone, of RSA's all of it."""


class GlobalpingError(ValueError):
    """An answer is none; the text says why, in a few words of our own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSeen:
    """A response, as far as a probe read it."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What worked for one probe."""

    cc: str
    asn: int
    home: bool = False
    """Its line is one of a home."""
    address: str = ""
    """Where it was connected to; empty: unknown."""
    trusted: bool = False
    """The certificate is the name's own, under a root that its program trusts."""
    secure: bool = False
    """A TLS handshake was completed, with whatever certificate."""
    key: str = ""
    """SHA-256 of the leaf's SubjectPublicKeyInfo."""
    page: PageSeen | None = None
    addresses: tuple[str, ...] = ()
    """Of a question for a name: what its resolver said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What is known of a measurement."""

    ended: bool
    unread: int = 0
    """Results of another form, or from where nobody was asked."""
    sightings: tuple[Sighting, ...] = ()
    silent: tuple[Sighting, ...] = ()
    """Of a question whether a port is open: the probes that opened no connection."""


class _Created(msgspec.Struct, frozen=True):
    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,128}\Z")]
    probes: Annotated[int, Meta(ge=0, le=10_000)] = msgspec.field(name="probesCount", default=0)


class _Envelope(msgspec.Struct, frozen=True):
    id: str
    type: str
    target: str
    status: str
    results: list[Raw] = []


class _Probe(msgspec.Struct, frozen=True):
    country: Code
    asn: Annotated[int, Meta(ge=1, le=4_294_967_295)]
    tags: Annotated[tuple[str, ...], Meta(max_length=100)] = ()


class _Item(msgspec.Struct, frozen=True):
    probe: _Probe
    result: Raw


class _Status(msgspec.Struct, frozen=True):
    status: str


class _Tls(msgspec.Struct, frozen=True):
    authorized: bool
    public_key: str | None = msgspec.field(name="publicKey", default=None)


class _Http(msgspec.Struct, frozen=True):
    status_code: Annotated[int, Meta(ge=100, le=599)] = msgspec.field(name="statusCode")
    address: str | None = msgspec.field(name="resolvedAddress", default=None)
    headers: dict[str, str | list[str]] = {}
    body: str | None = msgspec.field(name="rawBody", default=None)
    truncated: bool = False
    tls: _Tls | None = None


class _Stats(msgspec.Struct, frozen=True):
    rcv: Annotated[int, Meta(ge=0, le=100)]


class _Ping(msgspec.Struct, frozen=True):
    stats: _Stats
    address: str | None = msgspec.field(name="resolvedAddress", default=None)


class _Record(msgspec.Struct, frozen=True):
    type: str
    value: str


class _Dns(msgspec.Struct, frozen=True):
    code: int = msgspec.field(name="statusCode")
    answers: list[_Record] = []


_DECODED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError)


def read_created(raw: bytes) -> tuple[str, int]:
    """The id of a new measurement, and how many probes make it. Raises GlobalpingError."""
    try:
        made = decode_json(raw[:MAX_BYTES], _Created)
    except _DECODED:
        raise GlobalpingError("its answer to a new measurement is of another form") from None
    return made.id, made.probes


def read_measured(raw: bytes, question: Question, *, made_id: str, asked: frozenset[str]) -> Measured:
    """What a measurement has shown so far. `asked`: the countries whose probes were wanted; all others' are left out.

    Raises GlobalpingError for what is no answer to this very question.
    """
    try:
        answer = decode_json(raw, _Envelope) if len(raw) <= MAX_BYTES else None
    except _DECODED:
        answer = None
    if answer is None:
        raise GlobalpingError("its answer is of another form")
    if answer.id != made_id or answer.type != question.kind or answer.target.lower() != question.target.lower():
        raise GlobalpingError("its answer is about another measurement")
    unread, seen, silent = max(0, len(answer.results) - MAX_RESULTS), [], []
    for item in answer.results[:MAX_RESULTS]:
        try:
            read = decode_json(item, _Item)
            status = decode_json(read.result, _Status).status
            if read.probe.country not in asked:
                unread += 1
            elif status == "finished" and (found := _read_result(read, question)):
                seen.append(found)
            elif status in ("finished", "failed") and question.kind == "ping":
                silent.append(_read_probe(read.probe))
        except _DECODED:
            unread += 1
    return Measured(ended=answer.status != "in-progress", unread=unread, sightings=tuple(seen), silent=tuple(silent))


def _read_result(item: _Item, question: Question) -> Sighting | None:
    """What a finished test shows; None where it shows nothing. Raises msgspec's errors for another form."""
    base = _read_probe(item.probe)
    if question.kind == "dns":
        return _read_dns(decode_json(item.result, _Dns), question, base)
    if question.kind == "ping":
        ping = decode_json(item.result, _Ping)
        address = _find_address(question, ping.address)
        usable = bool(address) or parse_address(question.target) is None  # for a name, any address will do
        return replace(base, address=address) if usable and ping.stats.rcv else None
    http = decode_json(item.result, _Http)
    address = _find_address(question, http.address)
    if not address or question.secure != (http.tls is not None):
        return None
    page = PageSeen(status=http.status_code, headers=_read_headers(http.headers), body=(http.body or "")[:20_000],
                    truncated=http.truncated)
    if http.tls is None:
        return replace(base, address=address, page=page)
    return replace(base, address=address, page=page, secure=True, trusted=http.tls.authorized,
                   key=_hash_key(http.tls.public_key or ""))


def _read_probe(probe: _Probe) -> Sighting:
    return Sighting(cc=probe.country, asn=probe.asn, home=HOME in probe.tags)


def _read_dns(dns: _Dns, question: Question, base: Sighting) -> Sighting | None:
    records = (record for record in dns.answers[:MAX_RECORDS] if record.type == question.record_type)
    addresses = tuple(dict.fromkeys(a for record in records if (a := _read_address(record.value))))
    return replace(base, addresses=addresses) if dns.code == 0 and addresses else None


def _find_address(question: Question, stated: str | None) -> str:
    """The address that a probe was connected to: the one that was asked for, else the one that it states. Empty if it
    states another than was asked for."""
    asked = parse_address(question.target)
    if asked is not None:
        return str(asked) if _read_address(stated) in ("", str(asked)) else ""
    return _read_address(stated)


def _read_headers(headers: dict[str, str | list[str]]) -> tuple[tuple[str, str], ...]:
    pairs = ((name, value if isinstance(value, str) else value[0] if value else "")
             for name, value in islice(headers.items(), MAX_HEADERS))
    return tuple((name.lower(), value[:500]) for name, value in pairs)


def _hash_key(key: str) -> str:
    """SHA-256 of the SubjectPublicKeyInfo of a key in hex with colons; empty if the text is no key."""
    try:
        raw = bytes.fromhex(key[:8192].replace(":", ""))
    except ValueError:
        return ""
    if raw[:1] == b"\x04":
        raw = _EC_HEADS.get(len(raw), b"") + raw
    return hashlib.sha256(raw).hexdigest() if raw[:1] == b"\x30" else ""


def _read_address(text: str | None) -> str:
    """A public address in canonical form; empty for all else."""
    if not text or len(text) > 45 or is_bogon(text):
        return ""
    return str(parse_address(text))
