"""XMPP, IMAP and SMTP: greetings in lines or XML, with TLS from the start or after STARTTLS.

RFC 6120 sections 4 and 5, RFC 9051 sections 6.2.1 and 7.1, RFC 5321 section 4.2, RFC 3207. Of what they say only the
proof is kept: many servers greet a client with its own address.
"""

from __future__ import annotations

import re

from probe.core.tables.handshakes import ANSWERED, FOREIGN, REFUSED, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn, judge_beginning, say_nothing

_STARTTLS_NAMESPACE = b"urn:ietf:params:xml:ns:xmpp-tls"
_XML_STARTS = (b"<?xml", b"<stream:stream")
_STREAM_ID = re.compile(rb"<stream:stream\b[^>]*\bid\s*=\s*['\"][^'\"]+['\"]")
_MAX_TEXT = 16384


# ---- XMPP

def xmpp_header(asked: SpeechContext) -> bytes:
    """Opens a stream to the domain."""
    name = asked.name.encode("ascii", "replace").translate(None, b"'\"<>&")
    return (b"<?xml version='1.0'?><stream:stream to='" + name + b"' version='1.0' xml:lang='en' "
            b"xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")


def _starttls(asked: SpeechContext) -> bytes:
    return b"<starttls xmlns='" + _STARTTLS_NAMESPACE + b"'/>"


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


def hear_xmpp_starttls(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """The same, with STARTTLS on offer: a stream without it was altered, or is another service's."""
    word = hear_xmpp(data, asked)
    return word if word != ANSWERED or _STARTTLS_NAMESPACE in data else FOREIGN


def hear_proceed(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """`<proceed/>`, whatever its attributes."""
    if judge_beginning(data, b"<proceed"):
        return FOREIGN
    return ANSWERED if data.rstrip().endswith(b">") else INCOMPLETE


# ---- IMAP

def _imap_starttls(asked: SpeechContext) -> bytes:
    return b"a1 STARTTLS\r\n"


def hear_imap(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """The greeting: OK or PREAUTH, or BYE for a refusal."""
    if judge_beginning(data, b"* OK", b"* PREAUTH", b"* BYE"):
        return FOREIGN
    if not data.endswith(b"\n"):
        return INCOMPLETE
    return REFUSED if data.startswith(b"* BYE") else ANSWERED


def hear_imap_go(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """`a1 OK`, after lines without a tag."""
    lines = data.split(b"\r\n")
    tagged = next((line for line in lines[:-1] if not line.startswith(b"* ")), None)
    if tagged is None:
        return judge_beginning(lines[-1], b"* ", b"a1 OK")
    return ANSWERED if tagged.startswith(b"a1 OK") else FOREIGN


# ---- SMTP

def _ehlo(asked: SpeechContext) -> bytes:
    return b"EHLO localhost\r\n"


def _smtp_starttls(asked: SpeechContext) -> bytes:
    return b"STARTTLS\r\n"


def _hear_smtp(data: bytes, code: bytes) -> Proof | Empty:
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
    return _hear_smtp(data, b"220")


def hear_ehlo(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """The extensions, with STARTTLS among them: a list without it was altered, or is another service's."""
    word = _hear_smtp(data, b"250")
    offered = any(line[4:].strip().upper() == b"STARTTLS" for line in data.split(b"\r\n"))
    return word if word != ANSWERED or offered else FOREIGN


XMPPS = Speech(turns=(Turn(say=xmpp_header, hear=hear_xmpp),), max_bytes=_MAX_TEXT)
XMPP_STARTTLS = Speech(turns=(Turn(say=xmpp_header, hear=hear_xmpp_starttls), Turn(say=_starttls, hear=hear_proceed)),
                       max_bytes=_MAX_TEXT, upgrades=True)
IMAP = Speech(turns=(Turn(say=say_nothing, hear=hear_imap),), max_bytes=_MAX_TEXT)
IMAP_STARTTLS = Speech(turns=(Turn(say=say_nothing, hear=hear_imap), Turn(say=_imap_starttls, hear=hear_imap_go)),
                       max_bytes=_MAX_TEXT, upgrades=True)
SMTP = Speech(turns=(Turn(say=say_nothing, hear=hear_smtp),), max_bytes=_MAX_TEXT)
SMTP_STARTTLS = Speech(turns=(Turn(say=say_nothing, hear=hear_smtp), Turn(say=_ehlo, hear=hear_ehlo),
                              Turn(say=_smtp_starttls, hear=hear_smtp)), max_bytes=_MAX_TEXT, upgrades=True)
