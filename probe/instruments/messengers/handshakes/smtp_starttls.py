"""SMTP in the clear up to STARTTLS, then TLS (RFC 3207)."""

from __future__ import annotations

from probe.core.tables.handshakes import ANSWERED, FOREIGN, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.handshakes.smtp import MAX_BYTES, hear_lines, hear_smtp
from probe.instruments.messengers.speech import Speech, SpeechContext, Turn, say_nothing


def _ehlo(asked: SpeechContext) -> bytes:
    return b"EHLO localhost\r\n"


def _starttls(asked: SpeechContext) -> bytes:
    return b"STARTTLS\r\n"


def hear_ehlo(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """The extensions, with STARTTLS among them: a list without it was altered, or is another service's."""
    word = hear_lines(data, b"250")
    offered = any(line[4:].strip().upper() == b"STARTTLS" for line in data.split(b"\r\n"))
    return word if word != ANSWERED or offered else FOREIGN


FORMS = (Speech(turns=(Turn(say=say_nothing, hear=hear_smtp), Turn(say=_ehlo, hear=hear_ehlo),
                       Turn(say=_starttls, hear=hear_smtp)), max_bytes=MAX_BYTES, upgrades=True),)
