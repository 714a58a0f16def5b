"""Viber: the greeting of its app over bare TCP, as recorded (nDPI)."""

from __future__ import annotations

from probe.core.tables.handshakes import ANSWERED, FOREIGN, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn

_HELLO = bytes.fromhex("18000000 0000fcff 05800900 00000000 00000000 33000000")
_MIN, _MAX = 12, 4096


def _hello(asked: SpeechContext) -> bytes:
    return _HELLO


def hear_viber(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """A packet of exactly the length that its first two bytes say, with the marks of recorded answers."""
    if len(data) >= 2 and not _MIN <= int.from_bytes(data[:2], "little") <= _MAX:
        return FOREIGN
    if (len(data) > 5 and data[4:6] != b"\x03\x80") or (len(data) > 10 and data[10] != 0x0A):
        return FOREIGN
    length = int.from_bytes(data[:2], "little")
    if len(data) < _MIN or len(data) < length:
        return INCOMPLETE
    return ANSWERED if len(data) == length else FOREIGN


FORMS = (Speech(turns=(Turn(say=_hello, hear=hear_viber),), max_bytes=_MAX),)
