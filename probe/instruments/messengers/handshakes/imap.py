"""IMAP within TLS: the server greets (RFC 9051 section 7.1, RFC 8314). Many greet a client with its own address."""

from __future__ import annotations

from probe.core.tables.handshakes import ANSWERED, FOREIGN, REFUSED, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn, judge_beginning, say_nothing

MAX_BYTES = 16384


def hear_imap(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """The greeting: OK or PREAUTH, or BYE for a refusal."""
    if judge_beginning(data, b"* OK", b"* PREAUTH", b"* BYE"):
        return FOREIGN
    if not data.endswith(b"\n"):
        return INCOMPLETE
    return REFUSED if data.startswith(b"* BYE") else ANSWERED


FORMS = (Speech(turns=(Turn(say=say_nothing, hear=hear_imap),), max_bytes=MAX_BYTES),)
