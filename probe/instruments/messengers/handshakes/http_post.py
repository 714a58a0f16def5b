"""An empty JSON object, posted: the catalogue knows what the service answers to it."""

from __future__ import annotations

from probe.core.tables.handshakes import ANSWERED, FOREIGN, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.app_http import HttpAnswer, choose_request_target, make_request
from probe.instruments.messengers.http_speech import JSON, parse_json, speak_http
from probe.instruments.messengers.speech import INCOMPLETE, SpeechContext
from probe.instruments.streams.expectation_check import find_mismatch


def empty_post(asked: SpeechContext) -> bytes:
    """An empty object: what a server answers to it is how it refuses, and changes nothing."""
    host, target = choose_request_target(asked)
    return make_request("POST", host, target, JSON, b"{}")


def hear_expected(answer: HttpAnswer, asked: SpeechContext) -> Proof | Empty:
    """What the catalogue says that an empty POST is answered with."""
    if not answer.whole and parse_json(answer.body) is None:
        return INCOMPLETE
    return FOREIGN if find_mismatch(asked.expect, answer.exchange()) else ANSWERED


FORMS = (speak_http(empty_post, hear_expected),)
