"""A made-up world's connections as OONI's measurements: what `probe import ooni` reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from probe_lab.fleet.timed_world import BEGIN_H, LIMIT_S, TimedTry

_PLATFORMS = ("linux", "android", "ios")


def write_measurements(tries: Iterable[TimedTry], path: Path) -> None:
    """One line each of Web Connectivity, in order of time."""
    ordered = sorted(tries, key=lambda one: one.hour)
    path.write_text("".join(json.dumps(one) + "\n" for one in make_measurements(ordered)), encoding="utf-8")


def make_measurements(tries: Iterable[TimedTry]) -> Iterator[dict[str, Any]]:
    """The measurements."""
    for number, one in enumerate(tries):
        yield _measure(one, number)


def _measure(one: TimedTry, number: int) -> dict[str, Any]:
    start = datetime.fromtimestamp(3600 * (BEGIN_H + one.hour), UTC)
    platform, network = _PLATFORMS[one.probe % len(_PLATFORMS)], one.network
    return {
        "annotations": {"engine_name": "ooniprobe-engine", "engine_version": "3.28.0", "platform": platform},
        "data_format_version": "0.2.0", "input": f"https://{one.name.name}/", "probe_asn": f"AS{network.asn}",
        "probe_cc": network.cc, "probe_ip": "127.0.0.1",
        "measurement_start_time": f"{start:%Y-%m-%d %H:%M:%S}", "measurement_uid": f"{number}",
        "report_id": f"{start:%Y%m%dT%H}0000Z_webconnectivity_{network.cc}_{network.asn}_n1_{platform}",
        "resolver_asn": f"AS{network.asn}", "resolver_ip": "93.184.0.53", "software_name": "ooniprobe-cli",
        "software_version": f"3.2{8 + one.version}.0", "test_name": "web_connectivity", "test_runtime": 3.5,
        "test_start_time": f"{start.replace(minute=0, second=0) - timedelta(minutes=1):%Y-%m-%d %H:%M:%S}",
        "test_version": "0.5.28", "test_keys": _list_keys(one)}


def _list_keys(one: TimedTry) -> dict[str, Any]:
    late = one.handshake_s >= LIMIT_S
    failure = "generic_timeout_error" if late else None
    host, where, begun = one.name.name, f"{one.address}:443", 0.1 + one.connect_s
    done = begun + one.handshake_s
    url = f"https://{host}/"
    return {
        "queries": [{"answers": [{"answer_type": "A", "ipv4": one.address, "asn": 64501, "ttl": None}],
                     "engine": "getaddrinfo", "failure": None, "hostname": host, "query_type": "ANY", "t0": 0.05,
                     "t": 0.1, "resolver_address": "", "resolver_hostname": None, "resolver_port": None}],
        "tcp_connect": [{"ip": one.address, "port": 443, "status": {"failure": None, "success": True}, "t0": 0.1,
                         "t": begun, "transaction_id": 1}],
        "tls_handshakes": [{"network": "tcp", "address": where, "failure": failure, "server_name": host,
                            "no_tls_verify": False, "cipher_suite": "TLS_AES_128_GCM_SHA256", "t0": begun, "t": done,
                            "negotiated_protocol": "http/1.1", "tls_version": "TLSv1.3", "peer_certificates": [],
                            "transaction_id": 1}],
        "requests": [{"address": where, "alpn": "http/1.1", "failure": failure, "network": "tcp", "t0": done,
                      "t": done + one.connect_s, "transaction_id": 1,
                      "request": {"url": url, "method": "GET", "headers": {}, "headers_list": [], "body": ""},
                      "response": {"body": "" if late else "<title>x</title>", "body_is_truncated": False,
                                   "code": 0 if late else 200, "headers": {}, "headers_list": []}}],
        "control": {"dns": {"addrs": [one.address], "failure": None},
                    "tcp_connect": {where: {"failure": None, "status": True}}, "tls_handshake": None,
                    "http_request": {"body_length": 16, "failure": None, "title": "x", "headers": {},
                                     "status_code": 200}},
        "control_failure": None, "network_events": [], "blocking": False, "accessible": not late,
        "x_blocking_flags": 32}
