"""What is said in small records: the beginning of something that the server knows, and of which it awaits the rest.

Nonsense would be answered by an end, and an end tells nothing. So each protocol gets its own first bytes, and never so
many that they are complete: nothing is asked for, and nothing is done. Pure.
"""

from __future__ import annotations

from probe.instruments.steps import Visit
from probe.instruments.visits.transfer import make_transfer_request

RECORDS, RECORD_BYTES = 32, 2
_BYTES = RECORDS * RECORD_BYTES
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x3c\x04" + bytes(5) + b"\x00\x03\x00\x00\x00\x64" * 10
"""The preface and a SETTINGS frame of ten settings (RFC 9113 sections 3.4 and 6.5)."""
_CLOUD_MESSAGING = b"\x29\x02\x80\x02\x0a\x78" + b"0" * 120
"""Version 41, and a login request of 256 bytes in its first field (Chromium, google_apis/gcm/protocol/mcs.proto)."""
_PUSH_COURIER = b"\x07\x00\x00\x01\x00\x01\x00\xf0" + bytes(120)
"""A connect command of 256 bytes in its first field, a token (github.com/JJTech0130/pypush)."""
_BY_ALPN = {"h2": _HTTP2, "apns-security-v3": _PUSH_COURIER}
_BY_PORT = dict.fromkeys((5228, 5229, 5230), _CLOUD_MESSAGING)


def choose_words(plan: Visit, alpn: str) -> bytes:
    """The bytes of all records, for the protocol that was agreed or that the port stands for; HTTP/1.1 for others."""
    known = _BY_ALPN.get(alpn) or (b"" if alpn else _BY_PORT.get(plan.port, b""))
    url = plan.pages[-1].url if plan.pages else f"https://{plan.sni}/"
    return (known or make_transfer_request(url, "HEAD"))[:_BYTES]
