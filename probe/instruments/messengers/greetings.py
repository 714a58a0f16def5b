"""Viber, Threema, and the innocent bytes that are held against them: short greetings over bare TCP."""

from __future__ import annotations

from probe.core.tables.handshakes import ANSWERED, FOREIGN, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn

_VIBER_HELLO = bytes.fromhex("18000000 0000fcff 05800900 00000000 00000000 33000000")
_VIBER_MIN, _VIBER_MAX = 12, 4096
_THREEMA_HELLO_BYTES, _THREEMA_REPLY_BYTES = 48, 80


def _viber_hello(asked: SpeechContext) -> bytes:
    return _VIBER_HELLO


def hear_viber(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """A packet of exactly the length that its first two bytes say, with the marks of recorded answers."""
    if len(data) >= 2 and not _VIBER_MIN <= int.from_bytes(data[:2], "little") <= _VIBER_MAX:
        return FOREIGN
    if (len(data) > 5 and data[4:6] != b"\x03\x80") or (len(data) > 10 and data[10] != 0x0A):
        return FOREIGN
    length = int.from_bytes(data[:2], "little")
    if len(data) < _VIBER_MIN or len(data) < length:
        return INCOMPLETE
    return ANSWERED if len(data) == length else FOREIGN


def _threema_hello(asked: SpeechContext) -> bytes:
    """An ephemeral public key (any 32 bytes are one) and the client's cookie."""
    return asked.random[:_THREEMA_HELLO_BYTES]


def hear_threema(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """The server's cookie and a sealed box: 80 bytes without a mark, so what others begin with is told apart."""
    if data.startswith((b"HTTP/", b"\x15\x03", b"\x16\x03", b"<")) or len(data) > _THREEMA_REPLY_BYTES:
        return FOREIGN
    if len(data) < _THREEMA_REPLY_BYTES:
        return INCOMPLETE
    echoed = data.startswith(asked.random[:8]) or data.isascii()
    return FOREIGN if echoed else ANSWERED


def _get(asked: SpeechContext) -> bytes:
    text = f"GET / HTTP/1.1\r\nHost: {asked.name}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    return text.encode("ascii", "replace")


def hear_anything(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """Whatever a server says to HTTP that it does not speak."""
    return ANSWERED if data else INCOMPLETE


VIBER = Speech(turns=(Turn(say=_viber_hello, hear=hear_viber),), max_bytes=_VIBER_MAX)
THREEMA = Speech(turns=(Turn(say=_threema_hello, hear=hear_threema),), random_bytes=_THREEMA_HELLO_BYTES, max_bytes=512,
                 stands_alone=True)
INNOCENT_HTTP = Speech(turns=(Turn(say=_get, hear=hear_anything),), max_bytes=65536)
