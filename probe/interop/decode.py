"""One line of OONI's data as values: everything optional, nothing trusted, what is ill-typed left out. Pure.

A measurement is decoded by types, which is fast; where its test keys do not fit them, once more as plain values, and
the single operations that do not fit are left out and counted.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

MAX_OPERATIONS = 2000
"""Of one kind in one measurement; the rest is left out."""
MAX_TEXT = 2000
MAX_BRACKETS = 500_000
"""Objects and lists of one line, those within texts counted too: a line of nothing else would fill the memory."""
_SMALL_LINE = 1 << 20
BAD_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises; a ValidationError is a DecodeError."""
T = TypeVar("T")
Failure = str | bool | UnsetType | None
"""Unset where the file does not say whether it failed, which is not the same as success."""


class Unreadable(ValueError):
    """The line is no measurement; the text says why."""


class NotJudged(Unreadable):
    """A measurement that tells nothing that our rules read."""


class Binary(Struct):
    """Bytes that are no UTF-8."""

    data: str = ""
    format: str = ""


class Answer(Struct):
    answer_type: str | None = None
    ipv4: str | None = None
    ipv6: str | None = None
    hostname: str | None = None
    asn: int | None = None
    ttl: float | None = None


class Query(Struct):
    """df-002."""

    answers: list[Answer] | None = None
    engine: str | None = None
    failure: Failure = UNSET
    hostname: str | None = None
    query_type: str | None = None
    resolver_hostname: str | None = None
    resolver_address: str | None = None
    t0: float | None = None
    t: float | None = None
    transaction_id: int | None = None
    tags: list[str] | None = None


class Status(Struct):
    failure: Failure = UNSET
    success: bool | None = None


class Connect(Struct):
    """df-005."""

    ip: str | None = None
    port: int | str | None = None
    status: Status | None = None
    t0: float | None = None
    t: float | None = None
    transaction_id: int | None = None
    conn_id: int | None = None
    """Until 2022 what a handshake had in common with its connection."""


class Certificate(Struct):
    data: str = ""


class Handshake(Struct):
    """df-006."""

    network: str | None = None
    address: str | None = None
    cipher_suite: str | None = None
    failure: Failure = UNSET
    negotiated_protocol: str | None = None
    no_tls_verify: bool | None = None
    peer_certificates: list[Certificate] | None = None
    server_name: str | None = None
    echconfig: str | None = None
    tls_version: str | None = None
    t0: float | None = None
    t: float | None = None
    transaction_id: int | None = None
    conn_id: int | None = None


class Event(Struct):
    """df-008."""

    address: str | None = None
    failure: Failure = UNSET
    operation: str | None = None
    proto: str | None = None
    t0: float | None = None
    t: float | None = None


class Tor(Struct):
    is_tor: bool | None = None


class Request(Struct):
    url: str | None = None
    method: str | None = None
    x_transport: str | None = None
    tor: Tor | None = None


class Response(Struct):
    code: int | None = None
    headers: dict[str, Any] | None = None
    headers_list: list[Any] | None = None
    body: str | Binary | None = None
    body_is_truncated: bool | None = None


class Exchange(Struct):
    """df-001."""

    address: str | None = None
    network: str | None = None
    failure: Failure = UNSET
    request: Request | None = None
    response: Response | None = None
    t0: float | None = None
    t: float | None = None
    transaction_id: int | None = None


class ToldTcp(Struct):
    status: bool | None = None
    failure: Failure = UNSET


class ToldHttp(Struct):
    failure: Failure = UNSET
    status_code: int | None = None
    title: str | None = None
    body_length: int | None = None
    headers: dict[str, Any] | None = None


class ToldDns(Struct):
    failure: Failure = UNSET
    addrs: list[str] | None = None


class Told(Struct):
    """What the test helper says."""

    tcp_connect: dict[str, ToldTcp] | None = None
    tls_handshake: dict[str, ToldTcp] | None = None
    quic_handshake: dict[str, ToldTcp] | None = None
    http_request: ToldHttp | None = None
    dns: ToldDns | None = None


class Ping(Struct):
    """One of a series: whichever of these the test makes."""

    tcp_connect: Connect | list[Connect] | None = None
    tls_handshake: Handshake | list[Handshake] | None = None
    quic_handshake: Handshake | list[Handshake] | None = None
    """Until 2022 lists of one."""
    query: Query | list[Query] | None = None
    failure: Failure = UNSET
    responses: list[Any] | None = None
    t0: float | None = None
    t: float | None = None


class Keys(Struct):
    """What the tests' keys have in common: the operations."""

    queries: list[Query] | None = None
    tcp_connect: list[Connect] | None = None
    tls_handshakes: list[Handshake] | None = None
    quic_handshakes: list[Handshake] | None = None
    requests: list[Exchange] | None = None
    network_events: list[Event] | None = None
    x_dns_duplicate_responses: list[Query] | None = None
    pings: list[Ping] | None = None
    control: Told | None = None


OPERATIONS: dict[str, type[Struct]] = {
    "queries": Query, "tcp_connect": Connect, "tls_handshakes": Handshake, "quic_handshakes": Handshake,
    "requests": Exchange, "network_events": Event, "x_dns_duplicate_responses": Query, "pings": Ping,
}
"""Key -> what its list holds."""


class WebKeys(Struct):
    """Keys of Web Connectivity, whose many network events tell nothing that is judged."""

    queries: list[Query] | None = None
    tcp_connect: list[Connect] | None = None
    tls_handshakes: list[Handshake] | None = None
    quic_handshakes: list[Handshake] | None = None
    requests: list[Exchange] | None = None
    x_dns_duplicate_responses: list[Query] | None = None
    control: Told | None = None
    control_failure: Failure = None
    blocking: str | bool | None = None
    accessible: bool | None = None


class Envelope(Struct):
    """df-000."""

    test_name: str
    test_keys: msgspec.Raw
    measurement_start_time: str | None = None
    test_start_time: str | None = None
    annotations: dict[str, Any] | None = None
    data_format_version: str | None = None
    input: str | list[Any] | None = None
    measurement_uid: str | None = None
    options: list[Any] | None = None
    probe_asn: str | int | None = None
    probe_cc: str | None = None
    report_id: str | None = None
    resolver_ip: str | None = None
    software_name: str | None = None
    software_version: str | None = None
    test_version: str | None = None
    test_runtime: float | None = None


_ENVELOPE = msgspec.json.Decoder(Envelope)
_WEB = msgspec.json.Decoder(WebKeys)
_PLAIN = msgspec.json.Decoder()


def envelope_of(line: bytes) -> Envelope:
    """The frame of a measurement. Raises Unreadable."""
    if len(line) > _SMALL_LINE and line.count(b"{") + line.count(b"[") > MAX_BRACKETS:
        raise Unreadable(f"more than {MAX_BRACKETS:,} objects and lists")
    try:
        return _ENVELOPE.decode(line)
    except msgspec.ValidationError as error:
        raise Unreadable(f"not a measurement: {error}") from None
    except BAD_JSON as error:
        raise Unreadable(_why(error)) from None


def _why(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else f"no JSON: {error}"


def plain_keys(found: Envelope) -> dict[str, Any]:
    """The test keys as plain values. Raises Unreadable."""
    try:
        keys = _PLAIN.decode(found.test_keys)
    except BAD_JSON as error:
        raise Unreadable(_why(error)) from None
    if not isinstance(keys, dict):
        raise Unreadable("no test keys")
    return keys


def web_keys(found: Envelope) -> tuple[WebKeys, int]:
    """The keys of Web Connectivity, and how many operations did not fit. Raises Unreadable."""
    try:
        return _WEB.decode(found.test_keys), 0
    except BAD_JSON:
        plain = plain_keys(found)
    keys, left_out = keys_of(plain)
    made = WebKeys(queries=keys.queries, tcp_connect=keys.tcp_connect, tls_handshakes=keys.tls_handshakes,
                   quic_handshakes=keys.quic_handshakes, requests=keys.requests, control=keys.control,
                   x_dns_duplicate_responses=keys.x_dns_duplicate_responses)
    blocking, accessible, failure = (plain.get(k) for k in ("blocking", "accessible", "control_failure"))
    made.blocking = blocking if isinstance(blocking, str | bool) else None
    made.accessible = accessible if isinstance(accessible, bool) else None
    made.control_failure = failure if isinstance(failure, str | bool) else None
    return made, left_out


def keys_of(plain: dict[str, Any]) -> tuple[Keys, int]:
    """The operations in plain test keys, and how many did not fit."""
    made, left_out = Keys(), 0
    for name, kind in OPERATIONS.items():
        items = plain.get(name)
        if isinstance(items, list):
            fitting = [one for item in items[:MAX_OPERATIONS] if (one := converted(item, kind)) is not None]
            left_out += len(items) - len(fitting)
            setattr(made, name, fitting)
    told = plain.get("control")
    made.control = converted(told, Told) if isinstance(told, dict) else None
    if made.control is None and isinstance(told, dict):
        made.control = _told_part(told)
        left_out += 1
    return made, left_out


def _told_part(told: dict[str, Any]) -> Told:
    """The parts of a helper's answer that fit."""
    made = Told()
    for name in Told.__struct_fields__:
        part = converted({name: told.get(name)}, Told)
        if part is not None:
            setattr(made, name, getattr(part, name))
    return made


def converted(item: object, kind: type[T]) -> T | None:
    """A plain value as one of these, or None when it does not fit."""
    try:
        return msgspec.convert(item, kind, strict=False)
    except (msgspec.ValidationError, RecursionError, OverflowError):
        return None
