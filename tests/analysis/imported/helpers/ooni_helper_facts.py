"""What an answer of OONI's test helpers looks like, field by field, as a schema of our own; and a check by it.

From the protocol's description: th-001 and web connectivity 0.5 of OONI's specifications.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], bool]

DNS_WORDS = {None, "dns_name_error", "dns_server_failure", "unknown_error"}
TCP_WORDS = {None, "generic_timeout_error", "connection_refused_error", "connect_error"}
HTTP_WORDS = {None, "dns_lookup_error", "generic_timeout_error", "connection_refused_error", "unknown_error"}
FLAGS = 1 | 2 | 4 | 8


def word(value: Any) -> bool:
    """A failure string of today: null, or a word of small letters, or an unknown one that is quoted."""
    quoted = ("unknown_failure: ", "ssl_error: ")
    return value is None or (isinstance(value, str) and (value.startswith(quoted) or value.replace("_", "").isalnum()))


def integer(value: Any) -> bool:
    """A JSON number without a fraction."""
    return isinstance(value, int) and not isinstance(value, bool)


def endpoint(key: str) -> bool:
    """`ip:port`, with brackets around IPv6, as Go joins them."""
    host, _, port = key.rpartition(":")
    literal = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    return port.isdigit() and host.startswith("[") == (literal.version == 6)


def agrees(value: Mapping[str, Any]) -> bool:
    """`status` is whether there was no failure."""
    return value["status"] is (value["failure"] is None)


def page(value: Any) -> bool:
    """`http_request` and `http3_request`; -1 where it failed."""
    lost = value["failure"] is not None
    return (value["failure"] in HTTP_WORDS and isinstance(value["title"], str) and len(value["title"]) <= 512
            and isinstance(value["discovered_h3_endpoint"], str)
            and all(isinstance(k, str) and isinstance(v, str) for k, v in value["headers"].items())
            and integer(value["body_length"]) and integer(value["status_code"])
            and ((value["status_code"] == value["body_length"] == -1) if lost else value["status_code"] >= 100))


def every(check: Callable[[str, Any], bool]) -> Check:
    """A map whose entries all fit; never null, for Go would write that only for a map that was not made."""
    return lambda value: isinstance(value, dict) and all(check(key, each) for key, each in value.items())


def _tls(key: str, value: Any) -> bool:
    fields = {"server_name", "status", "failure"}
    return endpoint(key) and set(value) == fields and agrees(value) and word(value["failure"])


FIELDS: Mapping[str, tuple[bool, Check]] = {
    # name: (always there, what it must be)
    "tcp_connect": (True, every(lambda key, value: endpoint(key) and set(value) == {"status", "failure"}
                                and agrees(value) and value["failure"] in TCP_WORDS)),
    "tls_handshake": (False, every(_tls)),
    "quic_handshake": (True, every(_tls)),
    "http_request": (True, page),
    "http3_request": (True, lambda value: value is None or page(value)),
    "dns": (True, lambda value: set(value) == {"failure", "addrs"} and value["failure"] in DNS_WORDS
            and all(ipaddress.ip_address(each) for each in value["addrs"])),
    "ip_info": (True, every(lambda key, value: bool(ipaddress.ip_address(key)) and set(value) == {"asn", "flags"}
                            and integer(value["asn"]) and 0 <= value["flags"] <= FLAGS and value["flags"] & 3 > 0)),
}


def problems(answer: Mapping[str, Any]) -> list[str]:
    """Names of the fields that are missing or wrong; names with `x_` are ours."""
    found = []
    for name, (needed, check) in FIELDS.items():
        if (needed and name not in answer) or (name in answer and not check(answer[name])):
            found.append(name)
    if answer.get("tls_handshake") == {}:
        found.append("tls_handshake is empty")
    return found + [name for name in answer if name not in FIELDS and not name.startswith("x_")]
