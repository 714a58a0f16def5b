"""Counts of a helper's work in Prometheus' text format 0.0.4, on a loopback port of their own. No client is in them."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer

OUTCOMES = ("answered", "greeted", "gave_bytes", "not_understood", "too_large", "too_slow", "cut_short",
            "rate_limited", "busy", "unable", "no_method", "stopped")
"""How a request can end; each is counted from 0, so that its rate is known from the start."""
BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SOCKET_TIMEOUT_S = 5.0
_PREFIX = "probe_helper_"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Metric:
    kind: str
    help: str


METRICS: Mapping[str, _Metric] = {
    "requests_total": _Metric(kind="counter", help="Requests by how they ended."),
    "request_seconds": _Metric(kind="histogram", help="How long answered requests took."),
    "in_flight": _Metric(kind="gauge", help="Requests that are being measured."),
    "connections_refused_total": _Metric(kind="counter", help="Connections closed, for their network held too many."),
    "connections_dropped_total": _Metric(kind="counter", help="Connections closed, for nothing moved on them."),
    "bytes_answered_total": _Metric(kind="counter", help="Bytes of answers, without headers."),
}


class HelperCounters:
    """What a helper counts; thread-safe. Names are those of `METRICS`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcomes = dict.fromkeys(OUTCOMES, 0)
        self._plain = {name: 0 for name in METRICS if name not in ("requests_total", "request_seconds")}
        self._buckets = [0] * len(BUCKETS_S)
        self._timed, self._seconds = 0, 0.0

    def count_end(self, outcome: str) -> None:
        """A request ended so; KeyError for a word that is not in `OUTCOMES`."""
        with self._lock:
            self._outcomes[outcome] += 1

    def add(self, name: str, amount: int = 1) -> None:
        """Count `amount` more; below zero for a gauge that falls."""
        with self._lock:
            self._plain[name] += amount

    def observe_duration(self, seconds: float) -> None:
        """An answer was ready after so long."""
        with self._lock:
            self._timed, self._seconds = self._timed + 1, self._seconds + seconds
            for index, bound in enumerate(BUCKETS_S):
                self._buckets[index] += seconds <= bound

    def format(self) -> str:
        """Everything in the text format."""
        with self._lock:
            samples = {
                "requests_total": [(f'{{outcome="{word}"}}', count) for word, count in self._outcomes.items()],
                **{name: [("", count)] for name, count in self._plain.items()},
            }
            bounds = [*zip(map(str, BUCKETS_S), self._buckets, strict=True), ("+Inf", self._timed)]
            times = [f'_bucket{{le="{bound}"}} {count}' for bound, count in bounds]
            times += [f"_sum {self._seconds:.3f}", f"_count {self._timed}"]
        lines = []
        for name, metric in METRICS.items():
            lines += [f"# HELP {_PREFIX}{name} {metric.help}", f"# TYPE {_PREFIX}{name} {metric.kind}"]
            rows = times if metric.kind == "histogram" else [f"{labels} {count}" for labels, count in samples[name]]
            lines += [f"{_PREFIX}{name}{rest}" for rest in rows]
        return "\n".join(lines) + "\n"


def serve_metrics(address: str, port: int, text: Callable[[], str]) -> int:
    """Answer `GET /metrics` in a thread of its own until the program ends; the port, which differs from 0 when 0 was
    asked for.

    Raises ValueError for an address that others could reach, OSError when it cannot listen.
    """
    if not ipaddress.ip_address(address).is_loopback:
        raise ValueError("metrics are served on a loopback address only")

    class Handler(BaseHTTPRequestHandler):
        timeout = SOCKET_TIMEOUT_S

        def do_GET(self) -> None:
            found = self.path.partition("?")[0] == "/metrics"
            body = text().encode() if found else b"see /metrics\n"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing of a request is logged."""

    class Server(HTTPServer):
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

        def server_bind(self) -> None:  # the library's own asks for the machine's name, which is a DNS question
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind(self.server_address)
            self.server_address = self.socket.getsockname()
            self.server_name, self.server_port = address, self.server_address[1]

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that leaves is nobody's trouble."""

    server = Server((address, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True, name="metrics").start()
    return int(server.server_address[1])
