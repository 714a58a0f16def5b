"""WeChat's mmtls, the short link: the ClientHello as a body (gommtls, Citizen Lab's recordings)."""

from __future__ import annotations

from probe.core.tables.handshakes import FOREIGN, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.app_http import HttpAnswer, choose_request_target, make_request
from probe.instruments.messengers.handshakes import mmtls
from probe.instruments.messengers.http_speech import BINARY, WECHAT, speak_http
from probe.instruments.messengers.speech import SpeechContext


def mmtls_request(asked: SpeechContext) -> bytes:
    """The ClientHello as a body; the place ends in eight digits that are new each time."""
    host, target = choose_request_target(asked)
    digits = asked.random[mmtls.RANDOM_BYTES :].hex()
    return make_request("POST", host, target + digits, {**WECHAT, **BINARY, "Upgrade": "mmtls"},
                        mmtls.make_client_hello(asked))


def hear_mmtls(answer: HttpAnswer, asked: SpeechContext) -> Proof | Empty:
    """A body that begins with a ServerHello to us."""
    return mmtls.judge_server_hello(answer.body, asked) if answer.status == 200 else FOREIGN


FORMS = (speak_http(mmtls_request, hear_mmtls, random_bytes=mmtls.RANDOM_BYTES + 4),)
