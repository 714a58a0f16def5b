"""Threema: an ephemeral key and a cookie over bare TCP (threema-android, nDPI)."""

from __future__ import annotations

from probe.core.tables.handshakes import ANSWERED, FOREIGN, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn

_HELLO_BYTES, _REPLY_BYTES = 48, 80


def _hello(asked: SpeechContext) -> bytes:
    """An ephemeral public key (any 32 bytes are one) and the client's cookie."""
    return asked.random[:_HELLO_BYTES]


def hear_threema(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """The server's cookie and a sealed box: 80 bytes without a mark, so what others begin with is told apart."""
    if data.startswith((b"HTTP/", b"\x15\x03", b"\x16\x03", b"<")) or len(data) > _REPLY_BYTES:
        return FOREIGN
    if len(data) < _REPLY_BYTES:
        return INCOMPLETE
    echoed = data.startswith(asked.random[:8]) or data.isascii()
    return FOREIGN if echoed else ANSWERED


FORMS = (Speech(turns=(Turn(say=_hello, hear=hear_threema),), random_bytes=_HELLO_BYTES, max_bytes=512,
                stands_alone=True),)
