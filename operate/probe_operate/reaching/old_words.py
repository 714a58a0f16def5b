"""How a helper reads a probe's request, and says failures in the older words of OONI's helpers."""

from __future__ import annotations

from typing import Final

from probe.controls.helper_protocol import LOOKUP_FAILED, MAX_REQUEST_BYTES, Request
from probe.core.json_decoders import decode_json
from probe.core.tables.failures import NO_ANSWER, Failure

UNKNOWN: Final = "unknown_error"
_SAME_IN_BOTH: dict[Failure, str] = {"generic_timeout_error": "generic_timeout_error"}
_DNS_SERVERS: tuple[Failure, ...] = ("dns_server_misbehaving", "dns_refused_error", "dns_temporary_failure")
_OLD_DNS: dict[Failure, str] = {
    "dns_nxdomain_error": "dns_name_error", **dict.fromkeys(_DNS_SERVERS, "dns_server_failure"),
}
"""A name that its operator cannot resolve (SERVFAIL) is `unknown_error` to theirs, which has no word for it."""
_OLD_TCP: dict[Failure, str] = {"connection_refused": "connection_refused_error", **_SAME_IN_BOTH}
_OLD_HTTP: dict[Failure, str] = {
    **dict.fromkeys(("dns_nxdomain_error", NO_ANSWER, *_DNS_SERVERS), LOOKUP_FAILED), **_OLD_TCP,
}


def to_old_dns_word(failure: Failure) -> str | None:
    """What OONI's helpers answer for a df-007 DNS failure; a name without addresses is no failure to them."""
    return None if not failure or failure == NO_ANSWER else _OLD_DNS.get(failure, UNKNOWN)


def to_old_tcp_word(failure: Failure) -> str | None:
    """What OONI's helpers answer for a df-007 failure to connect."""
    return _OLD_TCP.get(failure, "connect_error") if failure else None


def to_old_http_word(failure: Failure) -> str | None:
    """What OONI's helpers answer for a df-007 failure to fetch."""
    return _OLD_HTTP.get(failure, UNKNOWN) if failure else None


_QUIC_ALERTS: dict[int, Failure] = {
    40: "ssl_failed_handshake", 42: "ssl_invalid_certificate", 43: "ssl_invalid_certificate",
    44: "ssl_invalid_certificate", 45: "ssl_invalid_certificate", 46: "ssl_invalid_certificate",
    48: "ssl_unknown_authority", 51: "ssl_failed_handshake", 112: "ssl_invalid_hostname",
}


def to_ooni_tls_word(failure: str) -> str | None:
    """What OONI's helpers answer for a failed handshake: our words but for alerts, which they tell apart for QUIC."""
    kind, _, detail = failure.partition("ssl_error: ")
    if kind or not detail:
        return failure or None
    number = detail.removeprefix("quic alert ")
    if number != detail and number.isdigit():
        return _QUIC_ALERTS.get(int(number), f"unknown_failure: {detail}")
    return "ssl_invalid_hostname" if "unrecognized name" in detail else f"unknown_failure: {detail}"


def decode_request(body: bytes) -> Request:
    """Read a probe's request. Raises ValueError for anything malformed, too large or too deep."""
    if len(body) > MAX_REQUEST_BYTES:
        raise ValueError("request too large")
    try:
        return decode_json(body, Request)
    except RecursionError as error:
        raise ValueError("request too deep") from error
