"""One question over TLS (RFC 7858), on the client's side of a laboratory; prints JSON with what happened and when.

Arguments: `ADDRESS SERVER_NAME QUESTION [TYPE]`; `--port`, `--timeout` in seconds, `--ca FILE`. An empty server name
verifies the address instead.

Printed: `outcome` (ok, timeout, refused, reset, closed, certificate, tls), `stage` (connect, handshake, answer),
`answers`, `rcode`, and seconds since the start: `connect_s`, `handshake_s`, `response_s`, `ended_s`.
"""

from __future__ import annotations

import argparse
import json
import socket
import ssl
import time
from typing import Any

import certifi
import dns.message
import dns.rcode

_OUTCOMES: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "timeout"),
    (ConnectionRefusedError, "refused"),
    (ConnectionResetError, "reset"),
    (ssl.SSLCertVerificationError, "certificate"),
    (ssl.SSLEOFError, "closed"),
    (EOFError, "closed"),
    (ssl.SSLError, "tls"),
    (OSError, "unreachable"),
)


def exactly(stream: ssl.SSLSocket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = stream.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def ask(options: argparse.Namespace, found: dict[str, Any], started: float) -> None:
    """Go through the stages, noting the time of each in `found`."""
    found["stage"] = "connect"
    with socket.create_connection((options.address, options.port), timeout=options.timeout) as plain:
        found |= {"connect_s": time.monotonic() - started, "stage": "handshake"}
        context = ssl.create_default_context(cafile=options.ca)
        context.set_alpn_protocols(["dot"])
        with context.wrap_socket(plain, server_hostname=options.server_name or options.address) as stream:
            found |= {"handshake_s": time.monotonic() - started, "stage": "answer"}
            found["alpn"] = stream.selected_alpn_protocol()
            query = dns.message.make_query(options.question, options.type)
            wire = query.to_wire()
            stream.sendall(len(wire).to_bytes(2) + wire)
            reply = dns.message.from_wire(exactly(stream, int.from_bytes(exactly(stream, 2))))
            found |= {
                "outcome": "ok" if query.is_response(reply) else "other",
                "rcode": dns.rcode.to_text(reply.rcode()),
                "answers": [item.to_text() for rrset in reply.answer for item in rrset],
                "response_s": time.monotonic() - started,
            }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("server_name")
    parser.add_argument("question")
    parser.add_argument("type", nargs="?", default="A")
    parser.add_argument("--port", type=int, default=853)
    parser.add_argument("--timeout", type=float, default=10.0)
    parser.add_argument("--ca", default=certifi.where())
    options = parser.parse_args()
    found: dict[str, Any] = {}
    started = time.monotonic()
    try:
        ask(options, found, started)
    except (OSError, EOFError) as error:
        found["outcome"] = next(name for kind, name in _OUTCOMES if isinstance(error, kind))
        found["error"] = str(error)
    print(json.dumps({**found, "ended_s": time.monotonic() - started}))


if __name__ == "__main__":
    main()
