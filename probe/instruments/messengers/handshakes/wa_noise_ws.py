"""WhatsApp's web client: the Noise handshake in a WebSocket (whatsmeow, Baileys)."""

from __future__ import annotations

from probe.core.tables.handshakes import Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.handshakes import wa_noise
from probe.instruments.messengers.speech import SpeechContext
from probe.instruments.messengers.websocket import BINARY, WebsocketMessages, read_messages
from probe.instruments.messengers.websocket_speech import speak_websocket


def hear_noise(got: WebsocketMessages, asked: SpeechContext) -> Proof | Empty:
    """One frame of theirs, in whatever messages."""
    return wa_noise.judge_server_hello(b"".join(got.messages), asked)


FORMS = (speak_websocket(BINARY, wa_noise.make_client_hello, hear_noise, random_bytes=wa_noise.KEY_BYTES,
                         origin="https://web.whatsapp.com",
                         plain=lambda reply, asked: b"".join(read_messages(reply, BINARY).messages)),)
