"""One HTTPS (or HTTP) request on the client side, told as JSON: how far it got, who signed, what was answered.

Arguments: address, port, server name (empty: in the clear), path, and whose roots to trust: none, system, certifi.
"""

from __future__ import annotations

import errno
import http.client
import json
import socket
import ssl
import sys
from typing import Any

import certifi
from cryptography import x509

TIMEOUT_S = 8.0


def context_of(trust: str) -> ssl.SSLContext:
    """A client's context that trusts the system's store, certifi's, or everybody."""
    if trust == "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context
    return ssl.create_default_context(cafile=certifi.where() if trust == "certifi" else None)


def fetch(address: str, port: int, name: str, host: str, path: str, trust: str) -> dict[str, Any]:
    """What came of the request; failures are words, not exceptions."""
    found: dict[str, Any] = {"stage": "connect", "failure": "", "status": 0, "headers": {}, "complete": False}
    try:
        stream: socket.socket = socket.create_connection((address, port), timeout=TIMEOUT_S)
        if name:
            found["stage"] = "tls"
            secured = context_of(trust).wrap_socket(stream, server_hostname=name)
            certificate = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
            found |= {"issuer": certificate.issuer.rfc4514_string(), "subject": certificate.subject.rfc4514_string()}
            stream = secured
        found["stage"] = "http"
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = http.client.HTTPResponse(stream)
        answer.begin()
        found |= {"status": answer.status, "headers": {k.lower(): v for k, v in answer.headers.items()}}
        try:
            body, found["complete"] = answer.read(), True
        except http.client.IncompleteRead as error:
            body = error.partial
        found |= {"bytes": len(body), "text": body[:4000].decode("utf-8", "replace")}
    except TimeoutError:
        found["failure"] = "timeout"
    except ssl.SSLCertVerificationError as error:
        found["failure"] = f"certificate {error.verify_message}"
    except ssl.SSLError as error:
        found["failure"] = f"tls {error.reason}"
    except OSError as error:
        found["failure"] = errno.errorcode.get(error.errno or 0, type(error).__name__)
    return found


if __name__ == "__main__":
    where, port, name, host, path, trust = sys.argv[1:]
    print(json.dumps(fetch(where, int(port), name, host, path, trust)))
