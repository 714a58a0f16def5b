"""One HTTP/3 GET with aioquic, on the client's side of a laboratory; prints JSON with what happened and when.

Arguments: `ADDRESS NAME [PATH]`; `--port`, `--source-port` (0: any), `--timeout` in seconds, `--ca FILE`, `--version`
(8 hex digits; one that no server speaks asks for version negotiation), `--requests` on the same connection, half a
second apart, `--follow SECONDS` (goes on asking for so long), `--large` (a ClientHello longer than a datagram).

Printed: `outcome` (ok, timeout, refused, closed, negotiation), times in seconds since the first datagram
(`handshake_s`, `response_s`, `ended_s`), `status`, `body_bytes`, `body` (its first kilobyte), `certificate_names`,
`certificate_sha256`, `error` and `error_code` of a closed connection, `versions` that the server offered, `answers_s`
of each request.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import time
from collections.abc import Callable
from typing import Any

import certifi
from aioquic._buffer import Buffer
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import pull_quic_header
from cryptography import x509
from cryptography.hazmat.primitives import hashes

_ASK_AGAIN_S = 0.5
_UNANSWERED_IDLE_S = 60.0


class Exchange:
    """One connection over one connected socket, driven by hand so that every datagram has a time."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.found: dict[str, Any] = {"outcome": "timeout", "answers_s": []}
        self.socket = connected(options.address, options.port, options.source_port)
        configuration = QuicConfiguration(
            is_client=True, alpn_protocols=H3_ALPN, server_name=options.name, cafile=options.ca,
            idle_timeout=_UNANSWERED_IDLE_S, quantum_readiness_test=options.large,
        )
        self.quic = QuicConnection(configuration=configuration)
        self.http: H3Connection | None = None
        self.body = bytearray()
        self.asked_at = 0.0

    async def run(self) -> dict[str, Any]:
        """Connect and ask until there is an end."""
        self.started = time.monotonic()
        self.quic.connect((self.options.address, self.options.port), now=self.started)
        end = self.started + self.options.timeout
        while "ended_s" not in self.found and time.monotonic() < end:
            self.send()
            await self.wait(min(filter(None, (end, self.quic.get_timer(), self.asked_at or None))))
            while (event := self.quic.next_event()) is not None:
                self.note(event)
            if self.asked_at and time.monotonic() >= self.asked_at:
                self.ask()
        self.found.setdefault("ended_s", self.elapsed())
        self.quic.close()
        self.send()
        return self.found | {"body_bytes": len(self.body), "body": self.body[:1024].decode("latin-1")}

    def elapsed(self) -> float:
        return round(time.monotonic() - self.started, 4)

    def send(self) -> None:
        for data, _ in self.quic.datagrams_to_send(now=time.monotonic()):
            self.carry(lambda data=data: self.socket.send(data))  # type: ignore[misc]

    def carry(self, act: Callable[[], Any]) -> Any:
        """Send or receive; a port unreachable ends the exchange."""
        try:
            return act()
        except BlockingIOError:
            return None
        except OSError as error:
            self.end("refused" if isinstance(error, ConnectionRefusedError) else type(error).__name__)
            return None

    async def wait(self, until: float) -> None:
        """Take one datagram, or none until a moment."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(max(0, until - time.monotonic())):
                data = await loop.sock_recv(self.socket, 65535)
        except TimeoutError:
            self.quic.handle_timer(now=time.monotonic())
        except OSError as error:
            self.end("refused" if isinstance(error, ConnectionRefusedError) else type(error).__name__)
        else:
            self.quic.receive_datagram(data, (self.options.address, self.options.port), now=time.monotonic())

    def ask(self) -> None:
        """Send a GET."""
        self.asked_at = 0.0
        assert self.http is not None
        fields = {":method": "GET", ":scheme": "https", ":authority": self.options.name, ":path": self.options.path}
        headers = [(name.encode(), value.encode()) for name, value in fields.items()]
        self.http.send_headers(self.quic.get_next_available_stream_id(), headers, end_stream=True)

    def note(self, event: events.QuicEvent) -> None:
        if isinstance(event, events.HandshakeCompleted):
            self.found["handshake_s"] = self.elapsed()
            self.found |= certificate_of(self.quic)
            self.http = H3Connection(self.quic)
            self.ask()
        if isinstance(event, events.ConnectionTerminated):
            self.found |= {"error": event.reason_phrase, "error_code": event.error_code}
            self.end("closed")
        if self.http:
            for http_event in self.http.handle_event(event):
                if isinstance(http_event, HeadersReceived):
                    self.found["status"] = int(dict(http_event.headers)[b":status"])
                elif isinstance(http_event, DataReceived):
                    self.body += http_event.data
                if isinstance(http_event, HeadersReceived | DataReceived) and http_event.stream_ended:
                    self.answered()
        if isinstance(event, events.StreamReset):
            self.end("closed")

    def answered(self) -> None:
        self.found.setdefault("response_s", self.elapsed())
        self.found["answers_s"].append(self.elapsed())
        if len(self.found["answers_s"]) < self.options.requests or self.elapsed() < self.options.follow:
            self.asked_at = time.monotonic() + _ASK_AGAIN_S
        else:
            self.end("ok")

    def end(self, outcome: str) -> None:
        self.found |= {"outcome": outcome, "ended_s": self.elapsed()}


def certificate_of(quic: QuicConnection) -> dict[str, Any]:
    """What the server showed (and what was verified)."""
    certificate = quic.tls._peer_certificate
    if certificate is None:
        return {}
    shown = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    names = [str(name.value) for name in shown]
    return {"certificate_names": names, "certificate_sha256": certificate.fingerprint(hashes.SHA256()).hex()}


def connected(address: str, port: int, source_port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.bind(("", source_port))
    made.connect((address, port))
    return made


def ask_for_versions(options: argparse.Namespace) -> dict[str, Any]:
    """Send an Initial of another version (RFC 9000 6); every server of QUIC answers with those that it speaks."""
    version, ours, theirs = bytes.fromhex(options.version), os.urandom(8), os.urandom(8)
    packet = b"\xc0" + version + b"\x08" + theirs + b"\x08" + ours + b"\x00"
    client = connected(options.address, options.port, options.source_port)
    client.settimeout(options.timeout)
    started = time.monotonic()
    found: dict[str, Any] = {"outcome": "timeout"}
    try:
        client.send(packet.ljust(1200, b"\0"))
        header = pull_quic_header(Buffer(data=client.recv(65535)), host_cid_length=8)
        if header.version == 0 and (header.destination_cid, header.source_cid) == (ours, theirs):
            versions = [f"{offered:08x}" for offered in header.supported_versions]
            found = {"outcome": "negotiation", "versions": versions, "response_s": time.monotonic() - started}
    except TimeoutError:
        pass
    except OSError as error:
        found["outcome"] = "refused" if isinstance(error, ConnectionRefusedError) else type(error).__name__
    return found | {"ended_s": time.monotonic() - started}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("name")
    parser.add_argument("path", nargs="?", default="/")
    parser.add_argument("--port", type=int, default=443)
    parser.add_argument("--source-port", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=10.0)
    parser.add_argument("--requests", type=int, default=1)
    parser.add_argument("--follow", type=float, default=0.0)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--ca", default=certifi.where())
    parser.add_argument("--version", default="")
    options = parser.parse_args()
    found = ask_for_versions(options) if options.version else asyncio.run(Exchange(options).run())
    print(json.dumps(found))


if __name__ == "__main__":
    main()
