"""First words in the body of a POST, or in the query of a GET that only an app sends: one answer over HTTP each.

Sources: core.telegram.org/mtproto/mtproto-transports (HTTP: the message is the body, without a frame), gommtls and
Citizen Lab's recordings (mmtls over HTTP, newgetdns), JSON-RPC 2.0 and Session's clients (get_n_service_nodes).
A status that the protocol does not know is no answer of it: 403 of a proven server is judged as any page's is.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from dataclasses import replace

from probe.core.tables.handshakes import ANSWERED, FOREIGN, REFUSED, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers import mmtls, mtproto
from probe.instruments.messengers.app_http import (
    HttpAnswer,
    choose_request_target,
    make_request,
    read_answer,
    read_body,
    read_status,
)
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn
from probe.instruments.streams.expectation_check import find_mismatch

_MAX_BODY = 16384
_MAX_DIRECTORY, _MAX_INFLATED = 65536, 1 << 18
"""newgetdns lists some seventy hosts: about 10 kB, 60 kB when unpacked."""
_WECHAT = {"User-Agent": "MicroMessenger Client"}
_JSON = {"Content-Type": "application/json"}
_BINARY = {"Content-Type": "application/octet-stream"}
_RETCODE = re.compile(r"\A\s*(?:<\?xml[^>]{0,200}>\s*)?<dns>\s*<retcode>\s*(-?\d{1,9})\s*</retcode>")
_ID_BYTES = 8


def _speech(say: Callable[[SpeechContext], bytes], hear: Callable[[HttpAnswer, SpeechContext], Proof | Empty], *,
            random_bytes: int = 0,
            max_bytes: int = _MAX_BODY,
            marks: Callable[[SpeechContext], dict[str, bytes]] = lambda asked: {}) -> Speech:
    def heard(data: bytes, asked: SpeechContext) -> Proof | Empty:
        answer = read_answer(data)
        if isinstance(answer, str):
            return answer
        word = hear(answer, asked)
        return FOREIGN if word == INCOMPLETE and answer.whole else word

    return Speech(turns=(Turn(say=say, hear=heard),), random_bytes=random_bytes, max_bytes=max_bytes, marks=marks,
                  plain=lambda reply, asked: read_body(reply), status=read_status)


# ---- MTProto

def mtproto_request(asked: SpeechContext) -> bytes:
    """The unencrypted message as a body."""
    host, target = choose_request_target(asked)
    return make_request("POST", host, target, _BINARY, mtproto.make_request(asked))


def hear_mtproto(answer: HttpAnswer, asked: SpeechContext) -> Proof | Empty:
    """resPQ as the body; a transport error is four bytes, under the status of the same number."""
    body = answer.body
    if answer.status != 200:
        return mtproto.judge_packet(body, 4, asked) if answer.whole and len(body) == 4 else FOREIGN
    length = len(body) if answer.whole else mtproto.HEADER_BYTES + int.from_bytes(body[16:20], "little")
    return mtproto.judge_packet(body, length,
                                asked) if answer.whole or len(body) >= mtproto.HEADER_BYTES else INCOMPLETE


MTPROTO = _speech(mtproto_request, hear_mtproto, random_bytes=mtproto.NONCE_BYTES, marks=mtproto.list_placeholders)


# ---- mmtls, the short link

def mmtls_request(asked: SpeechContext) -> bytes:
    """The ClientHello as a body; the place ends in eight digits that are new each time."""
    host, target = choose_request_target(asked)
    digits = asked.random[mmtls.SPEECH.random_bytes :].hex()
    return make_request("POST", host, target + digits, {**_WECHAT, **_BINARY, "Upgrade": "mmtls"},
                        mmtls.make_client_hello(asked))


def hear_mmtls(answer: HttpAnswer, asked: SpeechContext) -> Proof | Empty:
    """A body that begins with a ServerHello to us."""
    return mmtls.judge_server_hello(answer.body, asked) if answer.status == 200 else FOREIGN


MMTLS = _speech(mmtls_request, hear_mmtls, random_bytes=mmtls.SPEECH.random_bytes + 4)


# ---- WeChat's own directory of names

def newgetdns_request(asked: SpeechContext) -> bytes:
    """The query without an account, in the form of the recorded ones: no user's number is ever given."""
    host, target = choose_request_target(asked)
    return make_request("GET", host, target, {**_WECHAT, "Accept-Encoding": "deflate"}, version="1.0")


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


NEWGETDNS = _speech(newgetdns_request, hear_newgetdns, max_bytes=_MAX_DIRECTORY)


# ---- JSON

def empty_post(asked: SpeechContext) -> bytes:
    """An empty object: what a server answers to it is how it refuses, and changes nothing."""
    host, target = choose_request_target(asked)
    return make_request("POST", host, target, _JSON, b"{}")


def hear_expected(answer: HttpAnswer, asked: SpeechContext) -> Proof | Empty:
    """What the catalogue says that an empty POST is answered with."""
    if not answer.whole and _parse_json(answer.body) is None:
        return INCOMPLETE
    return FOREIGN if find_mismatch(asked.expect, answer.exchange()) else ANSWERED


EMPTY_POST = _speech(empty_post, hear_expected)


def session_request(asked: SpeechContext) -> bytes:
    """JSON-RPC: one of the network's nodes, as Session's clients ask for twenty when they start; `random` is the id."""
    host, target = choose_request_target(asked)
    words = {"jsonrpc": "2.0", "id": asked.random[:_ID_BYTES].hex(), "method": "get_n_service_nodes",
             "params": {"active_only": True, "limit": 1, "fields": {"public_ip": True, "storage_port": True}}}
    return make_request("POST", host, target, _JSON, json.dumps(words).encode())


def hear_session(answer: HttpAnswer, asked: SpeechContext) -> Proof | Empty:
    """Our id comes back with a result; with an error it is a refusal. Whoever speaks JSON-RPC would repeat the id, so
    that proves nothing."""
    told = _parse_json(answer.body)
    if told is None:
        return INCOMPLETE
    if not isinstance(told, dict) or len(asked.random) < _ID_BYTES or told.get("id") != asked.random[:_ID_BYTES].hex():
        return FOREIGN
    if isinstance(told.get("error"), dict):
        return REFUSED
    met = answer.status == 200 and "result" in told and not find_mismatch(replace(asked.expect, reply=""),
                                                                          answer.exchange())
    return ANSWERED if met else FOREIGN


def _parse_json(body: bytes) -> object:
    """The JSON of a body that has come whole; None for none, or not yet."""
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found


SESSION = _speech(session_request, hear_session, random_bytes=_ID_BYTES)
