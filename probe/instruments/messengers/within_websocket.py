"""First words within a WebSocket: Telegram's and WhatsApp's web clients, MAX, XMPP, and servers that greet first.

Sources: core.telegram.org/mtproto/mtproto-transports (obfuscation, WebSocket), whatsmeow and Baileys (the Noise
handshake as one binary message), PyMax (JSON), RFC 7395 (XMPP), Discord's documentation (HELLO, op 10).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from probe.core.tables.handshakes import ANSWERED, FOREIGN, REFUSED, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers import mtproto, noise
from probe.instruments.messengers.app_http import read_status
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn, say_nothing
from probe.instruments.messengers.websocket import (
    BINARY,
    KEY_BYTES,
    OPENING_BYTES,
    TEXT,
    WebsocketMessages,
    frame_message,
    judge_opening,
    make_opening,
    measure_opening,
    read_messages,
)
from probe.instruments.streams.expectation_check import find_mismatch
from probe.instruments.streams.http_parts import HttpExchange

_MAX_BYTES = 16384
_NONE: Mapping[str, str] = MappingProxyType({})


def inner(asked: SpeechContext) -> SpeechContext:
    """The same, with the random bytes that the opening has not taken."""
    return replace(asked, random=asked.random[OPENING_BYTES:])


def _speech(kind: int, say: Callable[[SpeechContext], bytes],
            hear: Callable[[WebsocketMessages, SpeechContext], Proof | Empty], *,
            random_bytes: int = 0, origin: str = "", subprotocol: str = "", greets: bool = False,
            marks: Callable[[SpeechContext], dict[str, bytes]] = lambda asked: {},
            plain: Callable[[bytes, SpeechContext], bytes] = lambda reply, asked: b"") -> Speech:
    headers = ({"Origin": origin} if origin else {}) | (
        {"Sec-WebSocket-Protocol": subprotocol} if subprotocol else {})

    def said(asked: SpeechContext) -> bytes:
        return frame_message(kind, say(inner(asked)), mask=asked.random[KEY_BYTES:OPENING_BYTES])

    def heard(data: bytes, asked: SpeechContext) -> Proof | Empty:
        got = read_messages(data, kind)
        word = hear(got, inner(asked))
        if word != INCOMPLETE:
            return word
        return FOREIGN if got.broken else REFUSED if got.closed else INCOMPLETE

    open_up = Turn(say=lambda asked: make_opening(asked, headers=headers), takes=measure_opening,
                   hear=lambda data, asked: judge_opening(data, asked, subprotocol=subprotocol, may_refuse=greets))
    # A server that greets first is heard out only where the catalogue knows what it says.
    speak = Turn(say=say_nothing if greets else said, hear=heard,
                 wanted=(lambda asked: bool(asked.expect.json)) if greets else (lambda asked: True))
    return Speech(turns=(open_up, speak), random_bytes=OPENING_BYTES + random_bytes, max_bytes=_MAX_BYTES, told_at=1,
                  marks=lambda asked: marks(inner(asked)), plain=lambda reply, asked: plain(reply, inner(asked)),
                  status=read_status)


# ---- any server that greets

def hear_greeting(got: WebsocketMessages, asked: SpeechContext) -> Proof | Empty:
    """A first message with the JSON that the catalogue knows."""
    if not got.messages:
        return INCOMPLETE
    told = HttpExchange(body=got.messages[0])
    return FOREIGN if find_mismatch(replace(asked.expect, status=(), body=(), header="", location=""),
                                    told) else ANSWERED


GREETED = _speech(TEXT, say_nothing, hear_greeting, greets=True)


# ---- Telegram

_START_BYTES = 64
_KEY, _IV = slice(8, 40), slice(40, 56)
_INTERMEDIATE = b"\xee\xee\xee\xee"


def _start(asked: SpeechContext) -> bytes:
    """64 bytes that look random: keys, and hidden in them which transport follows."""
    start = bytearray(asked.random[:_START_BYTES].ljust(_START_BYTES, b"\1"))
    if start[0] in b"\xefHPGO\xee\xdd\x16":
        start[0] = 0x5A  # no other transport, and no method of HTTP, may seem to begin
    start[4] |= 1
    start[56:60] = _INTERMEDIATE
    return bytes(start)


def _obfuscate(key: bytes, iv: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor().update(data)


def mtproto_words(asked: SpeechContext) -> bytes:
    """The obfuscated beginning, and the request in the intermediate transport."""
    start = _start(asked)
    message = mtproto.make_request(_nonce(asked))
    hidden = _obfuscate(start[_KEY], start[_IV], start + len(message).to_bytes(4, "little") + message)
    return start[:56] + hidden[56:]


def _nonce(asked: SpeechContext) -> SpeechContext:
    return replace(asked, random=asked.random[_START_BYTES:])


def _deobfuscate(data: bytes, asked: SpeechContext) -> bytes:
    """A server's bytes: its keys are ours backwards."""
    backwards = _start(asked)[8:56][::-1]
    return _obfuscate(backwards[:32], backwards[32:], data)


def hear_mtproto(got: WebsocketMessages, asked: SpeechContext) -> Proof | Empty:
    """resPQ with our nonce, in the intermediate transport."""
    return mtproto.judge_intermediate(_deobfuscate(b"".join(got.messages), asked), _nonce(asked))


MTPROTO = _speech(
    BINARY, mtproto_words, hear_mtproto, random_bytes=_START_BYTES + mtproto.NONCE_BYTES,
    subprotocol="binary", marks=lambda asked: mtproto.list_placeholders(_nonce(asked)),
    plain=lambda reply, asked: _deobfuscate(b"".join(read_messages(reply, BINARY).messages), asked))


# ---- WhatsApp

def hear_noise(got: WebsocketMessages, asked: SpeechContext) -> Proof | Empty:
    """One frame of theirs, in whatever messages."""
    return noise.judge_server_hello(b"".join(got.messages), asked)


WA_NOISE = _speech(BINARY, noise.make_client_hello, hear_noise, random_bytes=noise.KEY_BYTES,
                   origin="https://web.whatsapp.com",
                   plain=lambda reply, asked: b"".join(read_messages(reply, BINARY).messages))


# ---- MAX

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
            told = json.loads(text)
        except (ValueError, RecursionError):
            return FOREIGN
        if not isinstance(told, dict) or "opcode" not in told:
            return FOREIGN
        if told["opcode"] == _SESSION_INIT and told.get("cmd") in (_RESPONSE, _ERROR):
            if len(asked.random) < 2 or told.get("seq") != int.from_bytes(asked.random[:2], "big"):
                return FOREIGN
            return REFUSED if told["cmd"] == _ERROR else ANSWERED
    return INCOMPLETE


MAX = _speech(TEXT, max_words, hear_max, random_bytes=2, origin="https://web.max.ru")


# ---- XMPP

_FRAMING = b"urn:ietf:params:xml:ns:xmpp-framing"


def xmpp_open(asked: SpeechContext) -> bytes:
    """Opens a stream to the domain."""
    name = asked.name.encode("ascii", "replace").translate(None, b"'\"<>&")
    return b"<open xmlns='" + _FRAMING + b"' to='" + name + b"' version='1.0'/>"


def hear_xmpp(got: WebsocketMessages, asked: SpeechContext) -> Proof | Empty:
    """The server's `<open/>` with an id of the stream."""
    if not got.messages:
        return INCOMPLETE
    first = got.messages[0].lstrip()
    if first.startswith(b"<close") and _FRAMING in first:
        return REFUSED
    mine = first == xmpp_open(asked)
    return ANSWERED if first.startswith(b"<open") and _FRAMING in first and b" id=" in first and not mine else FOREIGN


XMPP = _speech(TEXT, xmpp_open, hear_xmpp, subprotocol="xmpp")
