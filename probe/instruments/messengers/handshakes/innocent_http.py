"""Innocent bytes that are held against messengers' own: HTTP for an innocent name."""

from __future__ import annotations

from probe.core.tables.handshakes import ANSWERED, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn


def _get(asked: SpeechContext) -> bytes:
    text = f"GET / HTTP/1.1\r\nHost: {asked.name}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    return text.encode("ascii", "replace")


def hear_anything(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """Whatever a server says to HTTP that it does not speak."""
    return ANSWERED if data else INCOMPLETE


FORMS = (Speech(turns=(Turn(say=_get, hear=hear_anything),), max_bytes=65536),)
