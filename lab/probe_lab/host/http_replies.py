"""What the laboratory's own small web servers share: a question that is read to its bound, and whole replies."""

from __future__ import annotations

from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler


class ReplyingHandler(BaseHTTPRequestHandler):
    """A handler that answers in JSON, closes each connection, and writes nothing to a log: others keep what matters."""

    def read_body(self, most: int) -> bytes:
        """What was sent, as long as it says, of so many bytes at most."""
        return self.rfile.read(min(int(self.headers.get("Content-Length", "0")), most))

    def reply(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """A whole reply."""
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)),
                            "Connection": "close", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""
