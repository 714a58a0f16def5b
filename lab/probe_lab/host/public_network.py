"""A stand-in for Globalping: its API at one vantage point, whose probes really measure from all of them.

Whatever country is asked for has probes but the client's own, where no vantage point stands. Styles are its faults.
"""

from __future__ import annotations

import itertools
import json
import ssl
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, get_args

from probe_lab.host.http_replies import ReplyingHandler
from probe_lab.host.public_probe import MAX_ORDER, PROBE_PORT
from probe_lab.lab_types import VantagePoint

PublicStyle = Literal["true", "slow", "lies_well", "lies_shut", "partial", "malformed", "offline", "quota", "huge",
                      "other_target", "markup", "stalls"]
"""true: as it is; slow: each answer takes seconds; lies_well, lies_shut: everything answers, or nothing; partial: of
each measurement one result never ends; malformed: results of another form; offline: no probe is there; quota: its limit
is used up at once; huge: megabytes of a page; other_target: the answer is about something else; markup: texts full of
escapes and markup; stalls: no answer at all."""
PUBLIC_STYLES: tuple[PublicStyle, ...] = get_args(PublicStyle)
API_PORT = 8443
SLOW_S = 2.0
_FIRST_ASN = 4_200_100_000
_HUGE = 6 << 20
_MARKUP = "\x1b[2J<script>alert(1)</script>\u202e=cmd|'/c calc'!A1"


def serve_public_network(vantages: Sequence[VantagePoint], style: PublicStyle, *, client_cc: str, certificate: str,
                         key: str, log: Path) -> None:
    """Listen at the first vantage point for ever; each question is a line of the log."""
    state = _State(vantages, style, client_cc, log)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer((vantages[0].ipv4, API_PORT), type("Handler", (_Handler,), {"state": state}))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


class _State:
    """Measurements by id, and who makes them."""

    def __init__(self, vantages: Sequence[VantagePoint], style: PublicStyle, client_cc: str, log: Path) -> None:
        self.vantages, self.style, self.client_cc, self._log = vantages, style, client_cc, log
        self.made: dict[str, dict[str, Any]] = {}
        self._numbers, self._lock = itertools.count(1), threading.Lock()
        self._pool = ThreadPoolExecutor(64)

    def note(self, line: dict[str, Any]) -> None:
        """One line of the log."""
        with self._lock, self._log.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def begin(self, order: dict[str, Any]) -> tuple[str, int]:
        """A new measurement: its id and the number of its probes."""
        number = next(self._numbers)
        made_id, probes = f"lab{number:06}", [] if self.style == "offline" else self._choose(order)
        items = [{"probe": probe, "result": {"status": "in-progress", "rawOutput": ""}} for probe, _ in probes]
        self.made[made_id] = {
            "id": made_id, "type": order["type"], "status": "in-progress", "target": order["target"],
            "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z",
            "probesCount": len(items), "results": items}
        jobs = [self._pool.submit(self._measure, item, vantage, order)
                for item, (_, vantage) in zip(items, probes, strict=True)]
        self._pool.submit(self._finish, made_id, jobs)
        return made_id, len(items)

    def _choose(self, order: dict[str, Any]) -> list[tuple[dict[str, Any], VantagePoint]]:
        """Probes in the countries that are wanted, behind the vantage points in turn."""
        wanted = [(place, n) for place in order.get("locations", []) for n in range(int(place.get("limit", 1)))]
        found, turns = [], itertools.cycle(self.vantages)
        for number, (place, _) in enumerate(wanted):
            cc = place.get("country", "US")
            here = next((v for v in self.vantages if v.cc == cc), None)
            if here is None and cc == self.client_cc:
                continue
            tags = place.get("tags") or ["datacenter-network"]
            found.append(({"continent": "EU", "country": cc, "city": "City", "asn": _FIRST_ASN + number,
                           "network": "Network", "tags": tags, "resolvers": ["private"]}, here or next(turns)))
        return found

    def _measure(self, item: dict[str, Any], vantage: VantagePoint, order: dict[str, Any]) -> None:
        if self.style == "slow":
            time.sleep(SLOW_S)
        if self.style.startswith("lies"):
            item["result"] = _lie(order, well=self.style == "lies_well")
            return
        connection = HTTPConnection(vantage.ipv4, PROBE_PORT, timeout=60)
        connection.request("POST", "/", body=json.dumps(order).encode())
        item["result"] = json.loads(connection.getresponse().read())
        connection.close()

    def _finish(self, made_id: str, jobs: Sequence[Any]) -> None:
        for job in jobs:
            job.exception()
        measurement = self.made[made_id]
        if self.style == "partial" and measurement["results"]:
            measurement["results"][0]["result"] = {"status": "in-progress", "rawOutput": ""}
        elif self.style == "malformed":
            measurement["results"] = [[], {"probe": 7}, {"probe": {"country": "DE", "asn": "x"}, "result": None},
                                      *({**item, "result": {"status": "finished", "tls": [1], "stats": "many"}}
                                        for item in measurement["results"])]
        elif self.style == "markup":
            for item in measurement["results"]:
                _decorate(item["result"])
        measurement["status"] = "finished"


def _lie(order: dict[str, Any], *, well: bool) -> dict[str, Any]:
    """A result that nobody measured."""
    if not well:
        shut = {"status": "finished", "rawOutput": "", "resolvedAddress": order["target"], "timings": [],
                "stats": {"total": 2, "rcv": 0, "drop": 2}}
        return shut if order["type"] == "ping" else {"status": "failed", "rawOutput": "no"}
    base: dict[str, Any] = {"status": "finished", "rawOutput": "", "resolvedAddress": order["target"]}
    if order["type"] == "dns":
        return {**base, "statusCode": 0, "answers": []}
    tls = {"authorized": True, "publicKey": None} if order["measurementOptions"].get("protocol") == "HTTPS" else None
    return {**base, "stats": {"total": 2, "rcv": 2, "drop": 0}, "timings": [], "statusCode": 200, "headers": {},
            "rawBody": None, "truncated": False, "tls": tls}


def _decorate(result: dict[str, Any]) -> None:
    """Texts that nobody should print as they are."""
    if result.get("status") == "finished" and "headers" in result:
        result["headers"] |= {"location": _MARKUP, "x-<b>": _MARKUP, "server": _MARKUP}
        result["rawBody"] = f"<title>{_MARKUP}</title>"
    result["rawOutput"] = _MARKUP


class _Handler(ReplyingHandler):
    """POST /v1/measurements, GET /v1/measurements/ID."""

    state: _State
    timeout = 60.0

    def do_POST(self) -> None:
        """A new measurement."""
        order = json.loads(self.read_body(MAX_ORDER))
        self.state.note({"asked": order, "agent": self.headers.get("User-Agent", ""), "from": self.client_address[0],
                         "token": bool(self.headers.get("Authorization"))})
        if self.state.style == "stalls":
            time.sleep(self.timeout)
        if self.state.style == "quota":
            return self._reply(429, {"error": {"type": "too_many_requests"}}, {"Retry-After": "120"})
        made_id, probes = self.state.begin(order)
        if not probes:
            return self._reply(422, {"error": {"type": "no_probes_found", "message": "No suitable probes found."}})
        return self._reply(202, {"id": made_id, "probesCount": probes},
                           {"Location": f"https://{self.headers.get('Host', '')}/v1/measurements/{made_id}"})

    def do_GET(self) -> None:
        """How far a measurement is."""
        measurement = self.state.made.get(self.path.rpartition("/")[2])
        if measurement is None:
            return self._reply(404, {"error": {"type": "not_found"}})
        if self.state.style == "other_target":
            measurement = {**measurement, "target": "other.example"}
        if self.state.style == "huge":
            measurement = {**measurement, "results": [{"rawBody": "x" * _HUGE}]}
        tag = f'"{measurement["status"]}"'
        if self.headers.get("If-None-Match") == tag:
            return self._reply(304, None)
        return self._reply(200, measurement, {"ETag": tag})

    def _reply(self, status: int, document: object, headers: dict[str, str] | None = None) -> None:
        self.reply(status, b"" if document is None else json.dumps(document).encode(), headers)
