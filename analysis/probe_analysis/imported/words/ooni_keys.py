"""The shapes of OONI's data: every field that is read, each optional. Pure."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

Failure = str | bool | UnsetType | None
"""Unset where the file does not say whether it failed, which is not the same as success."""


class BinaryText(Struct):
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


class DnsQuery(Struct):
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


class TcpConnect(Struct):
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


class TlsHandshake(Struct):
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


class HttpResponse(Struct):
    code: int | None = None
    headers: dict[str, Any] | None = None
    headers_list: list[Any] | None = None
    body: str | BinaryText | None = None
    body_is_truncated: bool | None = None


class HttpTransaction(Struct):
    """df-001."""

    address: str | None = None
    network: str | None = None
    failure: Failure = UNSET
    request: Request | None = None
    response: HttpResponse | None = None
    t0: float | None = None
    t: float | None = None
    transaction_id: int | None = None


class TestHelperTcp(Struct):
    status: bool | None = None
    failure: Failure = UNSET


class TestHelperHttp(Struct):
    failure: Failure = UNSET
    status_code: int | None = None
    title: str | None = None
    body_length: int | None = None
    headers: dict[str, Any] | None = None


class ToldDns(Struct):
    failure: Failure = UNSET
    addrs: list[str] | None = None


class TestHelperAnswer(Struct):
    """What the test helper says."""

    tcp_connect: dict[str, TestHelperTcp] | None = None
    tls_handshake: dict[str, TestHelperTcp] | None = None
    quic_handshake: dict[str, TestHelperTcp] | None = None
    http_request: TestHelperHttp | None = None
    dns: ToldDns | None = None


class Ping(Struct):
    """One of a series: whichever of these the test makes."""

    tcp_connect: TcpConnect | list[TcpConnect] | None = None
    tls_handshake: TlsHandshake | list[TlsHandshake] | None = None
    quic_handshake: TlsHandshake | list[TlsHandshake] | None = None
    """Until 2022 lists of one."""
    query: DnsQuery | list[DnsQuery] | None = None
    failure: Failure = UNSET
    responses: list[Any] | None = None
    t0: float | None = None
    t: float | None = None


class TestKeys(Struct):
    """What the tests' keys have in common: the operations."""

    queries: list[DnsQuery] | None = None
    tcp_connect: list[TcpConnect] | None = None
    tls_handshakes: list[TlsHandshake] | None = None
    quic_handshakes: list[TlsHandshake] | None = None
    requests: list[HttpTransaction] | None = None
    network_events: list[Event] | None = None
    x_dns_duplicate_responses: list[DnsQuery] | None = None
    pings: list[Ping] | None = None
    control: TestHelperAnswer | None = None


OPERATIONS: dict[str, type[list[Any]]] = {
    "queries": list[DnsQuery], "tcp_connect": list[TcpConnect], "tls_handshakes": list[TlsHandshake],
    "quic_handshakes": list[TlsHandshake], "requests": list[HttpTransaction], "network_events": list[Event],
    "x_dns_duplicate_responses": list[DnsQuery], "pings": list[Ping],
}
"""Key -> its list."""


class WebKeys(Struct):
    """Keys of Web Connectivity, whose many network events tell nothing that is judged."""

    queries: list[DnsQuery] | None = None
    tcp_connect: list[TcpConnect] | None = None
    tls_handshakes: list[TlsHandshake] | None = None
    quic_handshakes: list[TlsHandshake] | None = None
    requests: list[HttpTransaction] | None = None
    x_dns_duplicate_responses: list[DnsQuery] | None = None
    control: TestHelperAnswer | None = None
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
    resolver_asn: str | int | None = None
    resolver_ip: str | None = None
    software_name: str | None = None
    software_version: str | None = None
    test_version: str | None = None
    test_runtime: float | None = None
