"""First words within a WebSocket: the opening with the proof of our key, and what is said and heard behind it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from probe.core.tables.handshakes import FOREIGN, REFUSED, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.app_http import read_status
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn, say_nothing
from probe.instruments.messengers.websocket import (
    KEY_BYTES,
    OPENING_BYTES,
    WebsocketMessages,
    frame_message,
    judge_opening,
    make_opening,
    measure_opening,
    read_messages,
)

_MAX_BYTES = 16384


def _inner(asked: SpeechContext) -> SpeechContext:
    """The same, with the random bytes that the opening has not taken."""
    return replace(asked, random=asked.random[OPENING_BYTES:])


def speak_websocket(kind: int, say: Callable[[SpeechContext], bytes],
                    hear: Callable[[WebsocketMessages, SpeechContext], Proof | Empty], *,
                    random_bytes: int = 0, origin: str = "", subprotocol: str = "", greets: bool = False,
                    marks: Callable[[SpeechContext], dict[str, bytes]] = lambda asked: {},
                    plain: Callable[[bytes, SpeechContext], bytes] = lambda reply, asked: b"") -> Speech:
    """An opening, and then messages of one kind; `greets`: the server speaks first."""
    headers = ({"Origin": origin} if origin else {}) | (
        {"Sec-WebSocket-Protocol": subprotocol} if subprotocol else {})

    def said(asked: SpeechContext) -> bytes:
        return frame_message(kind, say(_inner(asked)), mask=asked.random[KEY_BYTES:OPENING_BYTES])

    def heard(data: bytes, asked: SpeechContext) -> Proof | Empty:
        got = read_messages(data, kind)
        word = hear(got, _inner(asked))
        if word != INCOMPLETE:
            return word
        return FOREIGN if got.broken else REFUSED if got.closed else INCOMPLETE

    open_up = Turn(say=lambda asked: make_opening(asked, headers=headers), takes=measure_opening,
                   hear=lambda data, asked: judge_opening(data, asked, subprotocol=subprotocol, may_refuse=greets))
    # A server that greets first is heard out only where the catalogue knows what it says.
    speak = Turn(say=say_nothing if greets else said, hear=heard,
                 wanted=(lambda asked: bool(asked.expect.json)) if greets else (lambda asked: True))
    return Speech(turns=(open_up, speak), random_bytes=OPENING_BYTES + random_bytes, max_bytes=_MAX_BYTES, told_at=1,
                  marks=lambda asked: marks(_inner(asked)), plain=lambda reply, asked: plain(reply, _inner(asked)),
                  status=read_status)
