"""Telegram's web client: MTProto, obfuscated, in a WebSocket (core.telegram.org: MTProto transports)."""

from __future__ import annotations

from dataclasses import replace

from probe.core.tables.handshakes import Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.handshakes import mtproto
from probe.instruments.messengers.speech import SpeechContext
from probe.instruments.messengers.websocket import BINARY, WebsocketMessages, read_messages
from probe.instruments.messengers.websocket_speech import speak_websocket

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


FORMS = (speak_websocket(
    BINARY, mtproto_words, hear_mtproto, random_bytes=_START_BYTES + mtproto.NONCE_BYTES,
    subprotocol="binary", marks=lambda asked: mtproto.list_placeholders(_nonce(asked)),
    plain=lambda reply, asked: _deobfuscate(b"".join(read_messages(reply, BINARY).messages), asked)),)
