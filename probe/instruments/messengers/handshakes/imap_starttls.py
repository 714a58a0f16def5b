"""IMAP in the clear up to STARTTLS, then TLS (RFC 9051 section 6.2.1)."""

from __future__ import annotations

from probe.core.tables.handshakes import ANSWERED, FOREIGN, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.handshakes.imap import MAX_BYTES, hear_imap
from probe.instruments.messengers.speech import Speech, SpeechContext, Turn, judge_beginning, say_nothing


def _starttls(asked: SpeechContext) -> bytes:
    return b"a1 STARTTLS\r\n"


def hear_imap_go(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """`a1 OK`, after lines without a tag."""
    lines = data.split(b"\r\n")
    tagged = next((line for line in lines[:-1] if not line.startswith(b"* ")), None)
    if tagged is None:
        return judge_beginning(lines[-1], b"* ", b"a1 OK")
    return ANSWERED if tagged.startswith(b"a1 OK") else FOREIGN


FORMS = (Speech(turns=(Turn(say=say_nothing, hear=hear_imap), Turn(say=_starttls, hear=hear_imap_go)),
                max_bytes=MAX_BYTES, upgrades=True),)
