"""A probe of a public network: one test as Globalping's probes make it, from a vantage point's own network.

It listens there for the network's server alone (`probe_lab.host.public_network`) and answers with the `result` of that
network's form: a status, and what there was to see; of a failed test a text and nothing else.
"""

from __future__ import annotations

import json
import socket
import ssl
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from http.server import ThreadingHTTPServer
from typing import Any

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from probe_lab.host.http_replies import ReplyingHandler

PROBE_PORT = 8444
REQUEST_S, PING_S = 10.0, 2.0
BODY_CHARACTERS = 10_000
MAX_ORDER = 1 << 16
_DNS_FAMILIES = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}


def serve_public_probe(address: str) -> None:
    """Listen for ever."""
    ThreadingHTTPServer((address, PROBE_PORT), _Handler).serve_forever()


class _Handler(ReplyingHandler):
    timeout = 30.0

    def do_POST(self) -> None:
        """Make one test."""
        self.reply(200, json.dumps(make_test(json.loads(self.read_body(MAX_ORDER)))).encode())


def make_test(order: dict[str, Any]) -> dict[str, Any]:
    """The result of a test, whatever happens."""
    try:
        return {"http": _request, "ping": _ping, "dns": _resolve}[order["type"]](
            order["target"], order.get("measurementOptions", {}))
    except (OSError, HTTPException, ValueError) as error:
        return {"status": "failed", "rawOutput": str(error)}


def _ping(target: str, options: dict[str, Any]) -> dict[str, Any]:
    address, port, received = _address_of(target), int(options.get("port", 80)), 0
    for _ in range(int(options.get("packets", 3))):
        with suppress(OSError), socket.create_connection((address, port), timeout=PING_S):
            received += 1
    total = int(options.get("packets", 3))
    return {"status": "finished", "rawOutput": "", "resolvedAddress": address, "resolvedHostname": target,
            "timings": [{"rtt": 1.0}] * received,
            "stats": {"total": total, "rcv": received, "drop": total - received, "loss": 0, "min": None}}


def _resolve(target: str, options: dict[str, Any]) -> dict[str, Any]:
    kind = options.get("query", {}).get("type", "A")
    found = socket.getaddrinfo(target, None, _DNS_FAMILIES[kind], socket.SOCK_STREAM)
    answers = [{"name": f"{target}.", "type": kind, "ttl": 60, "class": "IN", "value": str(info[4][0])}
               for info in found]
    return {"status": "finished", "rawOutput": "", "statusCode": 0, "statusCodeName": "NOERROR", "answers": answers,
            "timings": {"total": 1}, "resolver": "private"}


def _request(target: str, options: dict[str, Any]) -> dict[str, Any]:
    asked, secure = options.get("request", {}), options.get("protocol", "HTTPS") != "HTTP"
    host, port = asked.get("host") or target, int(options.get("port") or (443 if secure else 80))
    address = _address_of(target)
    connection = HTTPConnection(address, port, timeout=REQUEST_S)
    tls = None
    if secure:
        connection.sock, tls = _shake_hands(address, port, host)
    path = asked.get("path", "/") + (f"?{asked['query']}" if asked.get("query") else "")
    headers = {"Host": host, "User-Agent": "globalping probe (https://github.com/jsdelivr/globalping)",
               "Connection": "close"}
    try:
        connection.request(asked.get("method", "HEAD"), path, headers=headers)
        answer = connection.getresponse()
        body = answer.read(4 * BODY_CHARACTERS).decode(errors="replace")
    finally:
        connection.close()
    raw = [f"{name}: {value}" for name, value in answer.getheaders()]
    return {"status": "finished", "rawOutput": "", "resolvedAddress": address, "statusCode": answer.status,
            "statusCodeName": answer.reason, "rawHeaders": "\n".join(raw),
            "headers": {name.lower(): value for name, value in answer.getheaders()},
            "rawBody": body[:BODY_CHARACTERS] or None, "truncated": len(body) > BODY_CHARACTERS,
            "timings": dict.fromkeys(("total", "dns", "tcp", "tls", "firstByte", "download"), 1), "tls": tls}


def _shake_hands(address: str, port: int, host: str) -> tuple[ssl.SSLSocket, dict[str, Any]]:
    """A connection that is secured whatever the certificate, and what is told of it."""
    authorized = True
    try:
        secured = _secure(address, port, host, ssl.create_default_context(cafile=certifi.where()))
    except ssl.SSLCertVerificationError:
        authorized = False
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        secured = _secure(address, port, host, context)
    leaf = secured.getpeercert(binary_form=True) or b""
    return secured, {"authorized": authorized, "protocol": secured.version(), "cipherName": "", "keyBits": 256,
                     "publicKey": _write_key(leaf), "subject": {"CN": host}, "issuer": {}}


def _secure(address: str, port: int, host: str, context: ssl.SSLContext) -> ssl.SSLSocket:
    context.set_alpn_protocols(["http/1.1"])
    sock = socket.create_connection((address, port), timeout=REQUEST_S)
    try:
        return context.wrap_socket(sock, server_hostname=host)
    except OSError:
        sock.close()
        raise


def _write_key(leaf: bytes) -> str:
    """The key as that network tells it: of elliptic curves the point alone."""
    key = x509.load_der_x509_certificate(leaf).public_key()
    form = ((Encoding.X962, PublicFormat.UncompressedPoint) if isinstance(key, EllipticCurvePublicKey)
            else (Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return key.public_bytes(*form).hex(":").upper()


def _address_of(target: str) -> str:
    return str(socket.getaddrinfo(target, None, socket.AF_INET if "." in target else 0, socket.SOCK_STREAM)[0][4][0])
