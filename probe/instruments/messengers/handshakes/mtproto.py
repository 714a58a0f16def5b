"""Telegram's MTProto: an unencrypted req_pq_multi, whose answer must repeat our nonce, obfuscated as apps do it.

Sources: core.telegram.org/mtproto/mtproto-transports (abridged: length in words; intermediate: length in bytes),
/mtproto/description (unencrypted message: zero key id, message id, length), /mtproto/auth_key.
"""

from __future__ import annotations

from probe.core.tables.handshakes import FOREIGN, PROVEN, REFUSED, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.mtproto_hiding import START_BYTES, hide, show
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn

NONCE_BYTES = 16
_REQ_PQ_MULTI = 0xBE7E8EF1
_RES_PQ = 0x05162463
HEADER_BYTES = 20
_MIN_ANSWER, MAX_ANSWER = 64, 1024
"""resPQ has two nonces, one number of at most 16 bytes and a list of 8-byte fingerprints."""
_ERRORS = range(-999, 0)
_ABRIDGED, _INTERMEDIATE = b"\xef" * 4, b"\xee" * 4
"""What the obfuscated start says of the transport."""


def make_request(asked: SpeechContext) -> bytes:
    """The unencrypted message; `random` is the nonce."""
    body = _REQ_PQ_MULTI.to_bytes(4, "little") + asked.random[:NONCE_BYTES]
    message_id = (asked.now_s << 32) & 0x7FFFFFFFFFFFFFFC
    return bytes(8) + message_id.to_bytes(8, "little") + len(body).to_bytes(4, "little") + body


def judge_abridged(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """One packet of the abridged transport: length in words, in one byte or, after 0x7F, in three."""
    if not data:
        return INCOMPLETE
    if data[0] < 0x7F:
        return judge_packet(data[1:], 4 * data[0], asked)
    if data[0] > 0x7F:
        return FOREIGN
    return judge_packet(data[4:], 4 * int.from_bytes(data[1:4], "little"), asked) if len(data) >= 4 else INCOMPLETE


def judge_intermediate(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """One packet of the intermediate transport: length in bytes, in four."""
    return judge_packet(data[4:], int.from_bytes(data[:4], "little"), asked) if len(data) >= 4 else INCOMPLETE


def judge_packet(payload: bytes, length: int, asked: SpeechContext) -> Proof | Empty:
    """An answer of this length, or what has come of it: resPQ with our nonce, or four bytes of a transport error."""
    if length == 4:
        if len(payload) < 4:
            return INCOMPLETE
        error = int.from_bytes(payload[:4], "little", signed=True)
        return REFUSED if error in _ERRORS and len(payload) == 4 else FOREIGN
    if not _MIN_ANSWER <= length <= MAX_ANSWER or payload[:8] != bytes(len(payload[:8])):
        return FOREIGN
    if len(payload) < length:
        return INCOMPLETE
    body = payload[HEADER_BYTES:length]
    stated = int.from_bytes(payload[16:20], "little")
    is_ours = body[:4] == _RES_PQ.to_bytes(4, "little") and body[4:20] == asked.random[:NONCE_BYTES]
    return PROVEN if is_ours and stated == len(body) and len(asked.random) >= NONCE_BYTES else FOREIGN


def list_placeholders(asked: SpeechContext) -> dict[str, bytes]:
    """What stands for `<nonce>` in the catalogue's patterns."""
    return {"nonce": asked.random[:NONCE_BYTES]}


def _show_abridged(reply: bytes, asked: SpeechContext) -> bytes:
    return show(reply, random=asked.random[NONCE_BYTES:], mark=_ABRIDGED)


def show_intermediate(reply: bytes, asked: SpeechContext) -> bytes:
    """The answer in the clear."""
    return show(reply, random=asked.random[NONCE_BYTES:], mark=_INTERMEDIATE)


def _say_abridged(asked: SpeechContext) -> bytes:
    message = make_request(asked)
    return hide(bytes([len(message) // 4]) + message, random=asked.random[NONCE_BYTES:], mark=_ABRIDGED)


def _say_intermediate(asked: SpeechContext) -> bytes:
    message = make_request(asked)
    return hide(len(message).to_bytes(4, "little") + message, random=asked.random[NONCE_BYTES:], mark=_INTERMEDIATE)


def _as_abridged(reply: bytes, asked: SpeechContext) -> bytes:
    shown = show_intermediate(reply, asked)
    return bytes([min(len(shown) // 4 - 1, 0x7E)]) + shown[4:] if len(shown) >= 4 else shown


_RANDOM_BYTES = NONCE_BYTES + START_BYTES
ABRIDGED = Speech(turns=(Turn(say=_say_abridged, hear=lambda data, asked: judge_abridged(
    _show_abridged(data, asked), asked)),), random_bytes=_RANDOM_BYTES, max_bytes=MAX_ANSWER + 4,
    marks=list_placeholders, plain=_show_abridged)
INTERMEDIATE = Speech(turns=(Turn(say=_say_intermediate, hear=lambda data, asked: judge_intermediate(
    show_intermediate(data, asked), asked)),), random_bytes=_RANDOM_BYTES, max_bytes=MAX_ANSWER + 4,
    marks=list_placeholders, plain=_as_abridged)
FORMS = (ABRIDGED, INTERMEDIATE)
