"""ClientHellos made to order: a real one of OpenSSL's, with an extension put in (RFC 8446 section 4.1.2)."""

from __future__ import annotations

import ssl

import pytest

ESNI = 0xFFCE
"""draft-ietf-tls-esni-01, section 8.1."""
ECH = 0xFE0D
"""RFC 9849."""


SCT = 0x0012
"""signed_certificate_timestamp (RFC 6962), which browsers ask for."""


def hello(name: str, *, context: ssl.SSLContext | None = None) -> bytes:
    """A real ClientHello in one record."""
    context = context or ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def short_hello(name: str) -> bytes:
    """One of some 160 bytes: nothing newer than TLS 1.2, two cipher suites."""
    context = ssl.create_default_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
    return hello(name, context=context)


def with_grease(record: bytes) -> bytes:
    """The same ClientHello with one more cipher suite, which stands for nothing, like a browser's (RFC 8701)."""
    body = record[9:]
    at = 34 + 1 + body[34]
    suites = b"\x3a\x3a" + body[at + 2 : at + 2 + int.from_bytes(body[at : at + 2])]
    body = body[:at] + len(suites).to_bytes(2) + suites + body[at + len(suites) :]
    handshake = b"\x01" + len(body).to_bytes(3) + body
    return record[:3] + len(handshake).to_bytes(2) + handshake


def with_extension(record: bytes, kind: int, data: bytes) -> bytes:
    """The same ClientHello with one more extension, first in its list; every length is set right."""
    body = record[9:]  # after the headers of record and handshake
    at = 34  # version and random
    at += 1 + body[at]  # session id
    at += 2 + int.from_bytes(body[at : at + 2])  # cipher suites
    at += 1 + body[at]  # compression methods
    extension = kind.to_bytes(2) + len(data).to_bytes(2) + data
    extensions = extension + body[at + 2 :]
    body = body[:at] + len(extensions).to_bytes(2) + extensions
    handshake = b"\x01" + len(body).to_bytes(3) + body
    return record[:3] + len(handshake).to_bytes(2) + handshake
