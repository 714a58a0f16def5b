"""MAX's web client: SESSION_INIT as JSON in a WebSocket (PyMax)."""

from __future__ import annotations

import json

from probe.core.tables.handshakes import ANSWERED, FOREIGN, REFUSED, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import INCOMPLETE, SpeechContext
from probe.instruments.messengers.websocket import TEXT, WebsocketMessages
from probe.instruments.messengers.websocket_speech import speak_websocket

_SESSION_INIT = 6
_RESPONSE, _ERROR = 1, 3


def max_words(asked: SpeechContext) -> bytes:
    """SESSION_INIT with an empty payload; `random` is the sequence number."""
    number = int.from_bytes(asked.random[:2], "big")
    words = {"ver": 11, "cmd": 0, "seq": number, "opcode": _SESSION_INIT, "payload": {}}
    return json.dumps(words).encode()


def hear_max(got: WebsocketMessages, asked: SpeechContext) -> Proof | Empty:
    """A response or an error to our sequence number and opcode; what comes unasked before it is passed over, and one to
    another number is somebody else's."""
    for text in got.messages:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return FOREIGN
        if not isinstance(document, dict) or "opcode" not in document:
            return FOREIGN
        if document["opcode"] == _SESSION_INIT and document.get("cmd") in (_RESPONSE, _ERROR):
            if len(asked.random) < 2 or document.get("seq") != int.from_bytes(asked.random[:2], "big"):
                return FOREIGN
            return REFUSED if document["cmd"] == _ERROR else ANSWERED
    return INCOMPLETE


FORMS = (speak_websocket(TEXT, max_words, hear_max, random_bytes=2, origin="https://web.max.ru"),)
