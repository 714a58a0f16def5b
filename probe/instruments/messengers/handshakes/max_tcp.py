"""MAX within TLS: a header of 10 bytes, big-endian, and msgpack (PyMax)."""

from __future__ import annotations

from probe.core.tables.handshakes import ANSWERED, FOREIGN, REFUSED, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn, judge_beginning

_HEADER = 10
_SESSION_INIT = (6).to_bytes(2, "big")
_BODY_BYTES = 65536
_RESPONSE, _ERROR = 1, 3


def max_request(asked: SpeechContext) -> bytes:
    """SESSION_INIT with an empty map; `random` is the sequence number."""
    return b"\x0a" + bytes(2) + asked.random[:1] + _SESSION_INIT + (1).to_bytes(4, "big") + b"\x80"


def hear_max(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """A response or an error to our sequence number and opcode. Clients differ on how wide the command is."""
    if judge_beginning(data[3:6], asked.random[:1] + _SESSION_INIT) or (len(data) > 2 and not _command(data)):
        return FOREIGN
    if len(data) < _HEADER:
        return INCOMPLETE
    length = int.from_bytes(data[7:10], "big")  # the byte before it says how the body is compressed
    if length > _BODY_BYTES or len(data) - _HEADER > length:
        return FOREIGN
    if len(data) - _HEADER < length:
        return INCOMPLETE
    return (REFUSED if _command(data) == _ERROR else ANSWERED) if asked.random else FOREIGN


def _command(data: bytes) -> int:
    high, low = data[1], data[2]
    word = high or low
    return word if word in (_RESPONSE, _ERROR) else 0


FORMS = (Speech(turns=(Turn(say=max_request, hear=hear_max),), random_bytes=1, max_bytes=_BODY_BYTES + _HEADER,
                marks=lambda asked: {"seq": asked.random[:1], "opcode": _SESSION_INIT}),)
