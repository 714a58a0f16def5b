"""First words in the body of a POST, or in the query of a GET that only an app sends: one answer over HTTP each.

A status that the protocol does not know is no answer of it: 403 of a proven server is judged as any page's is.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from probe.core.tables.handshakes import FOREIGN, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.app_http import HttpAnswer, read_answer, read_body, read_status
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn

_MAX_BODY = 16384
JSON = {"Content-Type": "application/json"}
BINARY = {"Content-Type": "application/octet-stream"}
WECHAT = {"User-Agent": "MicroMessenger Client"}


def speak_http(say: Callable[[SpeechContext], bytes], hear: Callable[[HttpAnswer, SpeechContext], Proof | Empty], *,
               random_bytes: int = 0, max_bytes: int = _MAX_BODY,
               marks: Callable[[SpeechContext], dict[str, bytes]] = lambda asked: {}) -> Speech:
    """One request, and an answer that `hear` judges as far as it has come."""
    def heard(data: bytes, asked: SpeechContext) -> Proof | Empty:
        answer = read_answer(data)
        if isinstance(answer, str):
            return answer
        word = hear(answer, asked)
        return FOREIGN if word == INCOMPLETE and answer.whole else word

    return Speech(turns=(Turn(say=say, hear=heard),), random_bytes=random_bytes, max_bytes=max_bytes, marks=marks,
                  plain=lambda reply, asked: read_body(reply), status=read_status)


def parse_json(body: bytes) -> object:
    """The JSON of a body that has come whole; None for none, or not yet."""
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found
