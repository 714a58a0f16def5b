"""SMTP within TLS: the server greets (RFC 5321 section 4.2, RFC 8314). Many greet a client with its own address."""

from __future__ import annotations

import re

from probe.core.tables.handshakes import ANSWERED, FOREIGN, REFUSED, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn, say_nothing

MAX_BYTES = 16384


def hear_lines(data: bytes, code: bytes) -> Proof | Empty:
    """Lines `CODE-text`, the last one `CODE text`; 4xx and 5xx are refusals."""
    lines = data.split(b"\r\n")
    for line in lines[:-1]:
        if not re.match(rb"[245]\d\d([ -]|\Z)", line):
            return FOREIGN
        if line[3:4] != b"-":
            return ANSWERED if line[:3] == code else REFUSED if line[:1] in b"45" else FOREIGN
    return INCOMPLETE if re.match(rb"([245](\d(\d([ -].*)?)?)?)?\Z", lines[-1], re.DOTALL) else FOREIGN


def hear_smtp(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """The greeting."""
    return hear_lines(data, b"220")


FORMS = (Speech(turns=(Turn(say=say_nothing, hear=hear_smtp),), max_bytes=MAX_BYTES),)
