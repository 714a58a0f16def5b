"""Telegram's web client: MTProto, obfuscated, in a WebSocket (core.telegram.org: MTProto transports)."""

from __future__ import annotations

from probe.core.tables.handshakes import Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.handshakes import mtproto
from probe.instruments.messengers.speech import SpeechContext
from probe.instruments.messengers.websocket import BINARY, WebsocketMessages, read_messages
from probe.instruments.messengers.websocket_speech import speak_websocket

_SPEECH = mtproto.INTERMEDIATE


def hear_mtproto(got: WebsocketMessages, asked: SpeechContext) -> Proof | Empty:
    """resPQ with our nonce, in the intermediate transport."""
    return _SPEECH.turns[0].hear(b"".join(got.messages), asked)


FORMS = (speak_websocket(
    BINARY, _SPEECH.turns[0].say, hear_mtproto, random_bytes=_SPEECH.random_bytes,
    subprotocol="binary", marks=mtproto.list_placeholders,
    plain=lambda reply, asked: mtproto.show_intermediate(b"".join(read_messages(reply, BINARY).messages), asked)),)
