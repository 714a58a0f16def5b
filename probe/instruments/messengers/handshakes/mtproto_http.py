"""Telegram's MTProto over HTTP: the message is the body, without a frame (core.telegram.org: MTProto transports)."""

from __future__ import annotations

from probe.core.tables.handshakes import FOREIGN, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.app_http import HttpAnswer, choose_request_target, make_request
from probe.instruments.messengers.handshakes import mtproto
from probe.instruments.messengers.http_speech import BINARY, speak_http
from probe.instruments.messengers.speech import INCOMPLETE, SpeechContext


def mtproto_request(asked: SpeechContext) -> bytes:
    """The unencrypted message as a body."""
    host, target = choose_request_target(asked)
    return make_request("POST", host, target, BINARY, mtproto.make_request(asked))


def hear_mtproto(answer: HttpAnswer, asked: SpeechContext) -> Proof | Empty:
    """resPQ as the body; a transport error is four bytes, under the status of the same number."""
    body = answer.body
    if answer.status != 200:
        return mtproto.judge_packet(body, 4, asked) if answer.whole and len(body) == 4 else FOREIGN
    length = len(body) if answer.whole else mtproto.HEADER_BYTES + int.from_bytes(body[16:20], "little")
    return mtproto.judge_packet(body, length,
                                asked) if answer.whole or len(body) >= mtproto.HEADER_BYTES else INCOMPLETE


FORMS = (speak_http(mtproto_request, hear_mtproto, random_bytes=mtproto.NONCE_BYTES, marks=mtproto.list_placeholders),)
