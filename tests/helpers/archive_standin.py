"""A stand-in for OONI's bucket and API: it lists, pages, lies and tears."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


def list_objects(prefix: str, objects: dict[str, int], *, token: str = "") -> bytes:
    rows = "".join(f"<Contents><Key>{escape(key)}</Key><Size>{size}</Size></Contents>" for key, size in objects.items()
                   if key.startswith(prefix))
    more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>" * bool(token)
    return ('<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"{rows}{more}</ListBucketResult>").encode()


@dataclass
class Archive:
    """What the stand-in serves, and what it was asked."""

    objects: dict[str, bytes] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    """Sizes that its listing tells, where they are others."""
    extra: list[str] = field(default_factory=list)
    """Keys that every listing holds, whatever was asked."""
    measurements: dict[str, bytes] = field(default_factory=dict)
    places: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Measurement, whose name begins with its day -> its country and domain; one without is listed whatever was asked.
    """
    endless: bool = False
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, target: str) -> bytes | None:
        self.asked.append(target)
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if "list-type" in query:
            sizes = {key: self.sizes.get(key, len(raw)) for key, raw in self.objects.items()
                     if key.startswith(query["prefix"])}
            body = list_objects(query["prefix"], sizes, token="again" if self.endless else "")
            lies = "".join(f"<Contents><Key>{escape(key)}</Key><Size>9</Size></Contents>" for key in self.extra)
            return body.replace(b"</ListBucketResult>", f"{lies}</ListBucketResult>".encode())
        if parts.path == "/api/v1/measurements":
            first = int(query["offset"])
            asked, since = (query["probe_cc"], query["domain"]), query["since"].replace("-", "")
            known = [uid for uid in self.measurements if uid not in self.places or (
                self.places[uid] == asked and uid[:8] >= since)]
            found = [{"measurement_uid": uid} for uid in known[first:first + int(query["limit"])]]
            return json.dumps({"results": found}).encode()
        if parts.path == "/api/v1/raw_measurement":
            return self.measurements.get(query["measurement_uid"])
        return self.objects.get(unquote(parts.path).lstrip("/"))


@contextmanager
def serve_archive(made: Archive) -> Iterator[Archive]:
    """The stand-in on loopback; its `url` is set."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = made.answer(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *words: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
