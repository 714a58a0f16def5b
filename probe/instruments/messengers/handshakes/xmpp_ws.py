"""XMPP in a WebSocket: the opening of a stream (RFC 7395)."""

from __future__ import annotations

from probe.core.tables.handshakes import ANSWERED, FOREIGN, REFUSED, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import INCOMPLETE, SpeechContext
from probe.instruments.messengers.websocket import TEXT, WebsocketMessages
from probe.instruments.messengers.websocket_speech import speak_websocket

_FRAMING = b"urn:ietf:params:xml:ns:xmpp-framing"


def xmpp_open(asked: SpeechContext) -> bytes:
    """Opens a stream to the domain."""
    name = asked.name.encode("ascii", "replace").translate(None, b"'\"<>&")
    return b"<open xmlns='" + _FRAMING + b"' to='" + name + b"' version='1.0'/>"


def hear_xmpp(got: WebsocketMessages, asked: SpeechContext) -> Proof | Empty:
    """The server's `<open/>` with an id of the stream."""
    if not got.messages:
        return INCOMPLETE
    first = got.messages[0].lstrip()
    if first.startswith(b"<close") and _FRAMING in first:
        return REFUSED
    mine = first == xmpp_open(asked)
    return ANSWERED if first.startswith(b"<open") and _FRAMING in first and b" id=" in first and not mine else FOREIGN


FORMS = (speak_websocket(TEXT, xmpp_open, hear_xmpp, subprotocol="xmpp"),)
