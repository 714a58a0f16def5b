"""Any server behind a WebSocket that greets first, such as Discord's (HELLO, op 10)."""

from __future__ import annotations

from dataclasses import replace

from probe.core.tables.handshakes import ANSWERED, FOREIGN, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import INCOMPLETE, SpeechContext, say_nothing
from probe.instruments.messengers.websocket import TEXT, WebsocketMessages
from probe.instruments.messengers.websocket_speech import speak_websocket
from probe.instruments.streams.expectation_check import find_mismatch
from probe.instruments.streams.http_parts import HttpExchange


def hear_greeting(got: WebsocketMessages, asked: SpeechContext) -> Proof | Empty:
    """A first message with the JSON that the catalogue knows."""
    if not got.messages:
        return INCOMPLETE
    exchange = HttpExchange(body=got.messages[0])
    return FOREIGN if find_mismatch(replace(asked.expect, status=(), body=(), header="", location=""),
                                    exchange) else ANSWERED


FORMS = (speak_websocket(TEXT, say_nothing, hear_greeting, greets=True),)
