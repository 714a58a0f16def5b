"""OONI measurements as its specifications describe them (df-000 to df-008, ts-*), built piece by piece."""

from __future__ import annotations

import json
from typing import Any, Final

URL, HOST, ADDRESS, OTHER_ADDRESS = "https://www.chat.example/", "www.chat.example", "93.184.0.1", "93.184.0.2"
RESET: Final = "connection_reset"
TIMEOUT: Final = "generic_timeout_error"


def measurement(test: str = "web_connectivity", keys: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A measurement of today's format."""
    return {
        "annotations": {"engine_name": "ooniprobe-engine", "engine_version": "3.28.0", "platform": "linux",
                        "network_type": "wifi"},
        "data_format_version": "0.2.0", "input": URL, "measurement_start_time": "2026-08-01 05:10:00",
        "probe_asn": "AS64500", "probe_cc": "IR", "probe_ip": "127.0.0.1", "probe_network_name": "Example",
        "report_id": "20260801T051000Z_webconnectivity_IR_64500_n1_abcdefghijkl", "resolver_asn": "AS64500",
        "resolver_ip": "93.184.0.53", "software_name": "ooniprobe-cli", "software_version": "3.28.0",
        "test_name": test, "test_runtime": 3.5, "test_start_time": "2026-08-01 05:09:00", "test_version": "0.5.28",
        "test_keys": web() if keys is None else keys, **changes,
    }


def lines(*measurements: dict[str, Any]) -> bytes:
    """JSON Lines."""
    return b"".join(json.dumps(m).encode() + b"\n" for m in measurements)


def query(host: str = HOST, *addresses: str, failure: str | None = None, engine: str = "getaddrinfo",
          resolver: str = "", t0: float = 0.1, t: float = 0.15, asn: int = 64501, **changes: Any) -> dict[str, Any]:
    answers = [{"answer_type": "AAAA" if ":" in a else "A", "ipv6" if ":" in a else "ipv4": a, "asn": asn, "ttl": None}
               for a in addresses]
    return {"answers": answers, "engine": engine, "failure": failure, "hostname": host, "t0": t0, "t": t,
            "query_type": "ANY" if engine == "getaddrinfo" else "A", "resolver_address": resolver,
            "resolver_hostname": None, "resolver_port": None, "tags": ["depth=0"], "transaction_id": 10001, **changes}


def lookups_of(*failures: str) -> list[dict[str, Any]]:
    """A name that the system, a public resolver and encrypted DNS deny."""
    ways = (("getaddrinfo", ""), ("udp", "8.8.8.8:53"), ("doh", "https://dns.google/dns-query"))
    return [query(failure=word, engine=engine, resolver=resolver)
            for word, (engine, resolver) in zip(failures, ways, strict=False)]


def connect(address: str = ADDRESS, port: int = 443, failure: str | None = None, *, t0: float = 0.2, t: float = 0.3,
            ) -> dict[str, Any]:
    return {"ip": address, "port": port, "status": {"failure": failure, "success": failure is None}, "t0": t0, "t": t,
            "transaction_id": 50001}


def shake(address: str = ADDRESS, port: int = 443, failure: str | None = None, *, name: str = HOST, t0: float = 0.3,
          t: float = 0.4, **changes: Any) -> dict[str, Any]:
    where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return {"network": "tcp", "address": where, "failure": failure, "server_name": name, "no_tls_verify": False,
            "cipher_suite": "TLS_AES_128_GCM_SHA256", "negotiated_protocol": "http/1.1", "tls_version": "TLSv1.3",
            "peer_certificates": [], "t0": t0, "t": t, "transaction_id": 50001, **changes}


def request(url: str = URL, code: int = 200, body: str = "<title>Chat</title>hello", failure: str | None = None, *,
            address: str | None = f"{ADDRESS}:443", t: float = 0.6, headers: dict[str, str] | None = None,
            **changes: Any) -> dict[str, Any]:
    found = {"Content-Type": "text/html", **(headers or {})}
    response = {"body": None if failure else body, "body_is_truncated": False, "code": 0 if failure else code,
                "headers": {} if failure else found,
                "headers_list": [] if failure else [[k, v] for k, v in found.items()]}
    return {"address": address, "alpn": "http/1.1", "failure": failure, "network": "tcp", "response": response,
            "request": {"url": url, "method": "GET", "headers": {}, "headers_list": [], "body": "",
                        "tor": {"exit_ip": None, "exit_name": None, "is_tor": False}, "x_transport": "tcp"},
            "t0": t - 0.1, "t": t, "transaction_id": 50001, **changes}


def told(*addresses: str, title: str = "Chat", body_length: int = 24, status: int = 200, port: int = 443,
         failure: str | None = None, dns_failure: str | None = None) -> dict[str, Any]:
    """What the test helper answers."""
    places = {f"[{a}]:{port}" if ":" in a else f"{a}:{port}": {"failure": None, "status": True} for a in addresses}
    return {
        "dns": {"addrs": list(addresses), "failure": dns_failure},
        "tcp_connect": places,
        "tls_handshake": {p: {**v, "server_name": HOST} for p, v in places.items()} if port == 443 else None,
        "http_request": {"body_length": -1 if failure else body_length, "failure": failure, "title": title,
                         "headers": {}, "status_code": -1 if failure else status},
    }


def web(**changes: Any) -> dict[str, Any]:
    """Keys of Web Connectivity where all is well."""
    return {
        "queries": [query(HOST, ADDRESS)], "tcp_connect": [connect()], "tls_handshakes": [shake()],
        "requests": [request()], "control": told(ADDRESS), "control_failure": None, "network_events": [],
        "blocking": False, "accessible": True, "x_blocking_flags": 32, **changes,
    }
