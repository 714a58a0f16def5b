"""XMPP in the clear up to STARTTLS, then TLS (RFC 6120 section 5)."""

from __future__ import annotations

from probe.core.tables.handshakes import ANSWERED, FOREIGN, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.handshakes.xmpps import MAX_BYTES, hear_xmpp, xmpp_header
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn, judge_beginning

_STARTTLS_NAMESPACE = b"urn:ietf:params:xml:ns:xmpp-tls"


def _starttls(asked: SpeechContext) -> bytes:
    return b"<starttls xmlns='" + _STARTTLS_NAMESPACE + b"'/>"


def hear_xmpp_starttls(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """The same, with STARTTLS on offer: a stream without it was altered, or is another service's."""
    word = hear_xmpp(data, asked)
    return word if word != ANSWERED or _STARTTLS_NAMESPACE in data else FOREIGN


def hear_proceed(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """`<proceed/>`, whatever its attributes."""
    if judge_beginning(data, b"<proceed"):
        return FOREIGN
    return ANSWERED if data.rstrip().endswith(b">") else INCOMPLETE


FORMS = (Speech(turns=(Turn(say=xmpp_header, hear=hear_xmpp_starttls), Turn(say=_starttls, hear=hear_proceed)),
                max_bytes=MAX_BYTES, upgrades=True),)
