"""WeChat's own directory of names, over plain HTTP (gommtls, Citizen Lab's recordings)."""

from __future__ import annotations

import re
import zlib

from probe.core.tables.handshakes import ANSWERED, FOREIGN, REFUSED, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.app_http import HttpAnswer, choose_request_target, make_request
from probe.instruments.messengers.http_speech import WECHAT, speak_http
from probe.instruments.messengers.speech import INCOMPLETE, SpeechContext

_MAX_DIRECTORY, _MAX_INFLATED = 65536, 1 << 18
"""newgetdns lists some seventy hosts: about 10 kB, 60 kB when unpacked."""
_RETCODE = re.compile(r"\A\s*(?:<\?xml[^>]{0,200}>\s*)?<dns>\s*<retcode>\s*(-?\d{1,9})\s*</retcode>")


def newgetdns_request(asked: SpeechContext) -> bytes:
    """The query without an account, in the form of the recorded ones: no user's number is ever given."""
    host, target = choose_request_target(asked)
    return make_request("GET", host, target, {**WECHAT, "Accept-Encoding": "deflate"}, version="1.0")


def hear_newgetdns(answer: HttpAnswer, asked: SpeechContext) -> Proof | Empty:
    """Their XML, compressed without a header as recorded, or not at all; another code than 0 is a refusal."""
    if answer.status != 200:
        return FOREIGN
    text = _inflate(answer.body) if "deflate" in answer.headers.get("content-encoding", "") else answer.body
    code = _RETCODE.match(text[:1024].decode("utf-8", "replace"))
    if code:
        return ANSWERED if int(code[1]) == 0 else REFUSED
    return INCOMPLETE if len(text) < 256 else FOREIGN


def _inflate(body: bytes) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(body, _MAX_INFLATED)
    except zlib.error:
        return b"?" * 256


FORMS = (speak_http(newgetdns_request, hear_newgetdns, max_bytes=_MAX_DIRECTORY),)
