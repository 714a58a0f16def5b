"""Made measurements of messengers, as OONI writes them: three tests by turns, a few of them struck."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

STRUCK = 0.08
"""Share of the measurements in which the names of the service are denied or its addresses drop."""
DAYS = 3
_BEGAN = datetime(2026, 5, 1)
_COUNTRIES, _NETWORKS = ("IR", "TR", "RU", "US"), 100
_TELEGRAM = ("149.154.175.50", "149.154.167.51", "149.154.175.100", "149.154.167.91", "149.154.171.5", "95.161.76.100")
_WHATSAPP = {f"e{n}.whatsapp.net": f"3.33.221.{48 + n % 4}" for n in range(1, 17)}
_PAGES = {"v.whatsapp.net": ("157.240.1.53", "/v2/register"), "web.whatsapp.com": ("157.240.1.60", "/")}
_SIGNAL = {f"{name}.signal.org": f"13.248.212.{n}" for n, name in enumerate(("chat", "cdsi", "storage", "sfu.voip"))}
_TIMEOUT, _RESET = "generic_timeout_error", "connection_reset"


def make_messenger_lines(count: int, *, seed: int = 1) -> Iterator[bytes]:
    """So many measurements, a line each, in order of time over some days."""
    draw = random.Random(seed)
    for number in range(count):
        test = ("telegram", "whatsapp", "signal")[number % 3]
        failure = draw.choice((_TIMEOUT, _RESET)) if draw.random() < STRUCK else None
        at = str(_BEGAN + timedelta(days=DAYS * number / count))[:19]
        frame = {
            "annotations": {"engine_name": "ooniprobe-engine", "engine_version": "3.28.0"}, "input": None,
            "data_format_version": "0.2.0", "measurement_start_time": at, "test_start_time": at,
            "measurement_uid": f"uid{number}", "report_id": f"report{number}", "probe_cc": draw.choice(_COUNTRIES),
            "probe_asn": f"AS{64500 + draw.randrange(_NETWORKS)}", "software_name": "ooniprobe-android",
            "software_version": "5.3.0", "test_name": test, "test_runtime": 3.1,
            "test_version": {"telegram": "0.3.1", "whatsapp": "0.11.0", "signal": "0.2.5"}[test],
        }
        yield json.dumps({**frame, "test_keys": _make_keys(test, failure, draw)}).encode() + b"\n"


def _make_keys(test: str, failure: str | None, draw: random.Random) -> dict[str, Any]:
    if test == "telegram":
        pages = {"web.telegram.org": ("149.154.167.99", "/")}
        return _make_operations({}, pages, [(a, p) for a in _TELEGRAM for p in (80, 443)], failure, draw)
    if test == "signal":
        return _make_operations({}, {host: (address, "/") for host, address in _SIGNAL.items()}, [], failure, draw)
    return _make_operations(_WHATSAPP, _PAGES, [], failure, draw)


def _make_operations(hosts: dict[str, str], pages: dict[str, tuple[str, str]], posts: list[tuple[str, int]],
                     failure: str | None, draw: random.Random) -> dict[str, Any]:
    """Names that are connected to alone, pages over TLS, and places that are asked in the clear."""
    names = hosts | {host: address for host, (address, _) in pages.items()}
    places = [*posts, *((address, port) for address in hosts.values() for port in (443, 5222)),
              *((address, 443) for address, _ in pages.values())]
    dark, cut = failure == _TIMEOUT, failure == _RESET
    return {
        "queries": [{"engine": "system", "hostname": host, "query_type": "ANY", "failure": None, **_times(draw),
                     "answers": [{"answer_type": "A", "ipv4": address, "asn": 16509}]}
                    for host, address in names.items()],
        "tcp_connect": [{"ip": address, "port": port, **_times(draw, failure if dark else None),
                         "status": {"failure": failure if dark else None, "success": not dark}}
                        for address, port in places],
        "tls_handshakes": [] if dark else [
            {"address": f"{address}:443", "network": "tcp", "server_name": host, "no_tls_verify": False,
             "failure": failure, **_times(draw)} for host, (address, _) in pages.items()],
        "requests": [*(_request(f"https://{host}{path}", f"{address}:443", 200, failure, draw)
                       for host, (address, path) in pages.items()),
                     *(_request(f"http://{a}/" if p == 80 else f"http://{a}:{p}/", f"{a}:{p}", 404 if p == 80 else 501,
                                failure if dark or cut else None, draw) for a, p in posts)],
    }


def _request(url: str, place: str, code: int, failure: str | None, draw: random.Random) -> dict[str, Any]:
    response = None if failure else {"code": code, "body": "<html><title>Page</title></html>",
                                     "headers": {"Server": "nginx"}}
    return {"address": None if failure else place, "failure": failure, "request": {"url": url, "method": "GET"},
            "response": response, **_times(draw)}


def _times(draw: random.Random, failure: str | None = None) -> dict[str, float]:
    begun = round(draw.uniform(0.1, 0.6), 6)
    return {"t0": begun, "t": round(begun + (10.0 if failure else draw.uniform(0.01, 0.4)), 6)}
