"""SimpleX's SMP within TLS: the server greets with a block of 16384 bytes (simplexmq: transport connection)."""

from __future__ import annotations

from probe.core.tables.handshakes import ANSWERED, FOREIGN, PROVEN, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn, say_nothing

_BLOCK = 16384
_HIGHEST_VERSION = 1000


def judge_smp(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """The server's first block: versions, a session id and padding, under the authority that the catalogue names."""
    if len(data) < _BLOCK:
        return INCOMPLETE
    length = int.from_bytes(data[:2], "big")
    content = data[2 : 2 + length]
    low, high = int.from_bytes(content[:2], "big"), int.from_bytes(content[2:4], "big")
    shaped = len(data) == _BLOCK and 5 <= length <= _BLOCK - 2 and 0 < low <= high < _HIGHEST_VERSION
    if not shaped or data[2 + length :].strip(b"#"):
        return FOREIGN
    if not asked.identity:
        return ANSWERED
    return PROVEN if asked.identity in asked.authorities else FOREIGN


FORMS = (Speech(turns=(Turn(say=say_nothing, hear=judge_smp),), max_bytes=_BLOCK + 1024),)
