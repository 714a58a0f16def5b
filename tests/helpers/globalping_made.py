"""Answers of Globalping as its public description has them, and a server on loopback that gives them."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from probe.controls.globalping.questions import ProbePlace, Question

MADE_ID = "nzGzfAGL7sZfUs3c"
HOST, ADDRESS = "chat.example.org", "93.184.216.34"
PAGE = Question(kind="http", target=ADDRESS, port=443, host=HOST)
OPEN = Question(kind="ping", target=ADDRESS, port=443)
NAME = Question(kind="dns", target=HOST)
PLACES = (ProbePlace(cc="DE", line="eyeball-network"), ProbePlace(cc="US"), ProbePlace(cc="JP"))
ASKED = frozenset(place.cc for place in PLACES)
KEY = "30:59:30:13:00"


def probe(cc: str = "DE", asn: int = 3320, *tags: str) -> dict[str, Any]:
    return {"continent": "EU", "country": cc, "city": "City", "asn": asn, "network": "Network",
            "tags": list(tags), "resolvers": ["private"]}


def http_result(**changes: Any) -> dict[str, Any]:
    tls = {"authorized": True, "protocol": "TLSv1.3", "publicKey": KEY, "subject": {"CN": HOST}, "issuer": {}}
    return {"status": "finished", "rawOutput": "", "resolvedAddress": ADDRESS, "statusCode": 200,
            "statusCodeName": "OK", "headers": {"server": "nginx"}, "rawHeaders": "server: nginx", "rawBody": None,
            "truncated": False, "timings": {"total": 9}, "tls": tls, **changes}


def ping_result(rcv: int = 2, **changes: Any) -> dict[str, Any]:
    return {"status": "finished", "rawOutput": "", "resolvedAddress": ADDRESS, "timings": [],
            "stats": {"min": None, "avg": None, "max": None, "total": 2, "rcv": rcv, "drop": 2 - rcv, "loss": 0},
            **changes}


def dns_result(*values: str, kind: str = "A", code: int = 0) -> dict[str, Any]:
    answers = [{"name": f"{HOST}.", "type": kind, "ttl": 60, "class": "IN", "value": value} for value in values]
    return {"status": "finished", "rawOutput": "", "statusCode": code, "statusCodeName": "", "answers": answers,
            "timings": {"total": 9}, "resolver": "private"}


FAILED = {"status": "failed", "rawOutput": "connect ETIMEDOUT"}


def answer(question: Question, *items: tuple[dict[str, Any], dict[str, Any]], status: str = "finished",
           **changes: Any) -> bytes:
    """A whole measurement: pairs of a probe and its result."""
    return json.dumps({
        "id": MADE_ID, "type": question.kind, "status": status, "target": question.target, "probesCount": len(items),
        "createdAt": "2026-11-28T00:00:00.000Z", "updatedAt": "2026-11-28T00:00:01.000Z",
        "results": [{"probe": one, "result": result} for one, result in items], **changes}).encode()


@dataclass
class ScriptedApi:
    """What it answers to each GET in turn, the last one again and again; and what it was sent."""

    looks: list[tuple[int, bytes, dict[str, str]]]
    created: tuple[int, bytes, dict[str, str]] = (
        202, json.dumps({"id": MADE_ID, "probesCount": 3}).encode(), {})
    packed: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    def next_look(self, tag: str) -> tuple[int, bytes, dict[str, str]]:
        status, body, headers = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return (304, b"", {}) if tag and headers.get("ETag") == tag else (status, body, headers)


@contextmanager
def serving_api(script: ScriptedApi) -> Iterator[ScriptedApi]:
    """The server, on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            script.asked.append(json.loads(self.rfile.read(length)))
            self._reply(*script.created)

        def do_GET(self) -> None:
            self._reply(*script.next_look(self.headers.get("If-None-Match", "")))

        def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            script.headers.append(dict(self.headers.items()))
            body = gzip.compress(body) if script.packed else body
            more = {"Content-Encoding": "gzip"} if script.packed else {}
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **more, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    script.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
