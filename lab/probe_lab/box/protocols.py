"""What the first payload of a flow looks like, as a middlebox that classifies traffic guesses it."""

from __future__ import annotations

from collections.abc import Callable

from probe_lab.box.dissect import METHODS, dns_question
from probe_lab.wire.packet import TCP

_STUN_COOKIE = b"\x21\x12\xa4\x42"
_XMPP_STARTS = (b"<?xml", b"<stream:stream")
_DNS_HEADER_BYTES = 12
_MAX_QUESTION_BYTES = 4096
_LONG_HEADER, _FIXED_BIT = 0x80, 0x40
_MAX_CONNECTION_ID_BYTES = 20
_DNS_PORT = 53
_HANDSHAKE = 22


def guess_protocol(data: bytes, *, proto: int, port: int) -> str:
    """One of `trigger_table.PROTOCOLS`; `port` is the server's, which settles what a few bytes leave open."""
    for name, test in _OVER_TCP if proto == TCP else _OVER_UDP:
        if test(data, port):
            return name
    return "other"


def read_carried(data: bytes) -> str:
    """What an HTTP request says that it carries, where a box knows it: `mmtls`; empty for everything else."""
    head = data.partition(b"\r\n\r\n")[0].lower()
    return "mmtls" if _http(data, 80) and b"\r\nupgrade: mmtls" in head else ""


def _tls(data: bytes, port: int) -> bool:
    return data[:2] in (b"\x16", b"\x16\x03")


def _http(data: bytes, port: int) -> bool:
    return any(data.startswith(method[: len(data)]) for method in METHODS)


def _dns_over_tcp(data: bytes, port: int) -> bool:
    length = int.from_bytes(data[:2])
    if not _DNS_HEADER_BYTES < length <= _MAX_QUESTION_BYTES:
        return False
    if len(data) < 2 + _DNS_HEADER_BYTES + 5:
        return port == _DNS_PORT
    # Opcode and QR of a standard query are zero, and it has one question.
    return not data[4] & 0xF8 and data[6:8] == b"\0\1"


def _stun(data: bytes, port: int) -> bool:
    return len(data) >= 20 and data[0] < 0x40 and data[4:8] == _STUN_COOKIE


def _xmpp(data: bytes, port: int) -> bool:
    return data.lstrip(b"\r\n\t ").startswith(_XMPP_STARTS)


def _quic(data: bytes, port: int) -> bool:
    version = read_quic_version(data)
    return version not in (None, 0) and data[0] & _FIXED_BIT != 0 and data[5] <= _MAX_CONNECTION_ID_BYTES


def _dtls(data: bytes, port: int) -> bool:
    """The beginning of a handshake (RFC 6347 4.1): DTLS 1.0 or 1.2, which 1.3 says that it is, too."""
    return len(data) >= 13 and data[0] == _HANDSHAKE and data[1:3] in (b"\xfe\xff", b"\xfe\xfd")


def _dns(data: bytes, port: int) -> bool:
    return dns_question(data) is not None


def read_quic_version(data: bytes) -> int | None:
    """The version of a QUIC long header (RFC 8999 5.1); None for what is too short or has another header."""
    if len(data) < 7 or not data[0] & _LONG_HEADER:
        return None
    return int.from_bytes(data[1:5])


_Test = Callable[[bytes, int], bool]
_OVER_TCP: tuple[tuple[str, _Test], ...] = (
    ("tls", _tls), ("http", _http), ("stun", _stun), ("xmpp", _xmpp), ("dns", _dns_over_tcp),
)
# A question's random number may look like a long header's first byte; no version's header reads as a question.
_OVER_UDP: tuple[tuple[str, _Test], ...] = (("stun", _stun), ("dtls", _dtls), ("dns", _dns), ("quic", _quic))
