"""Rows of OONI's table of observations, made into the measurements that they came from. Pure.

A cell that is empty says that nothing was met; a column that the table lacks says nothing. So what a missing column
would have told is left out, and no row becomes a success or a failure by it. A row that contradicts itself tells
nothing of the step in question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from probe.core.addresses import bracket_host

Row = Mapping[str, Any]
"""Column -> text, number, flag or None; without the columns that the table lacks."""
MAX_ROWS = 2000
"""Of one measurement; the rest is left out."""
MAX_APART = 50_000
"""So many rows are held, so that rows of one measurement need not stand together."""
MAX_HELD = 32 << 20
"""Letters of the rows that are held at most: fewer rows are held where cells are long."""
ENVELOPE = ("measurement_uid", "report_id", "input", "measurement_start_time", "probe_asn", "probe_cc", "resolver_asn",
            "resolver_ip", "software_name", "software_version", "test_name", "test_version")
NOTES = ("engine_name", "engine_version", "network_type", "platform")
_TRUE, _FALSE = ("true", "t", "1", "1.0"), ("false", "f", "0", "0.0")


def make_measurements(rows: Iterable[Row]) -> Iterator[bytes]:
    """The JSON of each measurement, in order of the first row of each."""
    held: dict[tuple[str, ...], list[Row]] = {}
    count = letters = 0
    for row in rows:
        mine = held.setdefault(_identify(row), [])
        if len(mine) < MAX_ROWS:
            mine.append(row)
            count, letters = count + 1, letters + _measure(row)
        while count > MAX_APART or letters > MAX_HELD:
            first = held.pop(next(iter(held)))
            count, letters = count - len(first), letters - sum(map(_measure, first))
            yield _encode(first)
    yield from map(_encode, held.values())


def _measure(row: Row) -> int:
    return sum(len(value) for value in row.values() if isinstance(value, str | bytes))


def _identify(row: Row) -> tuple[str, ...]:
    """The measurement's name; without one, what tells measurements of one report apart."""
    if (uid := row.get("measurement_uid")) is not None:
        return (str(uid),)
    return tuple(str(row.get(name)) for name in ("report_id", "input", "measurement_start_time", "probe_asn"))


def _encode(rows: list[Row]) -> bytes:
    return msgspec.json.encode(_make_measurement(rows), enc_hook=str)


def _make_measurement(rows: list[Row]) -> dict[str, Any]:
    first = rows[0]
    return {
        **{name: None if (value := first.get(name)) is None else str(value) for name in ENVELOPE},
        "test_name": str(first.get("test_name") or "web_connectivity"),
        "test_start_time": str(first.get("measurement_start_time")),
        "annotations": {name: str(first[name]) for name in NOTES if first.get(name) is not None},
        "test_keys": {
            "queries": list(_queries(rows)), "tcp_connect": [c for c in map(_connect, rows) if c],
            "tls_handshakes": [s for s in map(_handshake, rows) if s],
            "requests": [r for r in map(_request, reversed(rows)) if r],
        },
    }


def _queries(rows: list[Row]) -> Iterator[dict[str, Any]]:
    """A question has a row for each answer."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        if row.get("dns_engine") is None and row.get("dns_failure") is None and row.get("dns_answer") is None:
            continue
        names = ("hostname", "dns_engine", "dns_query_type", "dns_engine_resolver_address", "dns_failure")
        one = found.setdefault(tuple(str(row.get(name)) for name in names), {
            "hostname": row.get("hostname"), "engine": row.get("dns_engine"), "query_type": row.get("dns_query_type"),
            "resolver_address": row.get("dns_engine_resolver_address"),
            "t": _number(row.get("dns_t")), "answers": [], **_failure_of(row, "dns_failure")})
        if (answer := row.get("dns_answer")) is not None:
            kind = str(row.get("dns_answer_type") or ("AAAA" if ":" in str(answer) else "A"))
            place = {"A": "ipv4", "AAAA": "ipv6"}.get(kind, "hostname")
            one["answers"].append({"answer_type": kind, place: str(answer),
                                   "asn": _whole(row.get("dns_answer_asn"))})
    yield from found.values()


def _failure_of(row: Row, column: str) -> dict[str, Any]:
    """The failure as far as the table has the column."""
    return {"failure": row[column]} if column in row else {}


def _connect(row: Row) -> dict[str, Any] | None:
    success, failure = _flag(row.get("tcp_success")), row.get("tcp_failure")
    if (success is None and failure is None) or (success and failure is not None):
        return None
    if success is False and failure is None:
        failure = "unknown_failure"
    return {"ip": row.get("ip"), "port": _whole(row.get("port")), "t": _number(row.get("tcp_t")),
            "status": {"failure": failure, "success": failure is None}}


def _handshake(row: Row) -> dict[str, Any] | None:
    values = [row.get(name) for name in ("tls_failure", "tls_version", "tls_cipher_suite", "tls_is_certificate_valid")]
    if all(value is None for value in values) or _is_contradicted(row):
        return None
    valid = _flag(row.get("tls_is_certificate_valid"))
    return {"address": _place(row), "server_name": row.get("tls_server_name"),
            "tls_version": row.get("tls_version"), "cipher_suite": row.get("tls_cipher_suite"),
            "echconfig": row.get("tls_echconfig"), "t": _number(row.get("tls_t")),
            "no_tls_verify": not valid and row.get("tls_failure") is None,
            **_failure_of({"tls_failure": None, **row} if valid else row, "tls_failure")}


def _is_contradicted(row: Row) -> bool:
    """Whether a certificate was refused that is valid, or a handshake went well with one that is not."""
    valid, failure = _flag(row.get("tls_is_certificate_valid")), row.get("tls_failure")
    return str(failure).startswith("ssl_") if valid else valid is False and "tls_failure" in row and failure is None


def _request(row: Row) -> dict[str, Any] | None:
    if row.get("http_request_url") is None or _is_contradicted(row):
        return None
    headers = {name: str(row[column]) for name, column in (("Location", "http_response_header_location"),
                                                           ("Server", "http_response_header_server"))
               if row.get(column) is not None}
    return {"address": _place(row), **_failure_of(row, "http_failure"), "t": _number(row.get("http_t")),
            "request": {"url": row.get("http_request_url"), "method": "GET"},
            "response": {"code": _whole(row.get("http_response_status_code")) or 0, "headers": headers}
            if "http_response_status_code" in row else {"headers": headers}}


def _place(row: Row) -> str | None:
    ip, port = row.get("ip"), _whole(row.get("port"))
    if ip is None or port is None:
        return None
    return f"{bracket_host(str(ip))}:{port}"


def _flag(value: object) -> bool | None:
    word = str(value).lower()
    return True if word in _TRUE else False if word in _FALSE else None


def _whole(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and abs(number) < 1 << 53 else None


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None
