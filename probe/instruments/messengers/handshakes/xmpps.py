"""XMPP within TLS: the header of a stream (RFC 6120 section 4, XEP-0368).

Of what a server says only the proof is kept: it may name our own address.
"""

from __future__ import annotations

import re

from probe.core.tables.handshakes import ANSWERED, FOREIGN, REFUSED, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn, judge_beginning

_XML_STARTS = (b"<?xml", b"<stream:stream")
_STREAM_ID = re.compile(rb"<stream:stream\b[^>]*\bid\s*=\s*['\"][^'\"]+['\"]")
MAX_BYTES = 16384


def xmpp_header(asked: SpeechContext) -> bytes:
    """Opens a stream to the domain."""
    name = asked.name.encode("ascii", "replace").translate(None, b"'\"<>&")
    return (b"<?xml version='1.0'?><stream:stream to='" + name + b"' version='1.0' xml:lang='en' "
            b"xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")


def hear_xmpp(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """A stream of its own id, and its features; an error after the header is the server's refusal."""
    text = data.lstrip()
    if judge_beginning(text, *_XML_STARTS):
        return FOREIGN
    if b"</stream:features>" in text or b"<stream:features/>" in text:
        return ANSWERED if _STREAM_ID.search(text) else FOREIGN
    if b"<stream:error" in text and b"</stream:error>" in text:
        return REFUSED if b"<stream:stream" in text else FOREIGN
    return INCOMPLETE


FORMS = (Speech(turns=(Turn(say=xmpp_header, hear=hear_xmpp),), max_bytes=MAX_BYTES),)
