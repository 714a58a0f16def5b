"""A server of XMPP in a WebSocket (RFC 7395)."""

from __future__ import annotations

import random

from probe.core.endpoints import Endpoint
from probe_lab.servers.app_kinds import SpeaksInWebsocket
from probe_lab.servers.app_websocket import TEXT, MessageStream
from probe_lab.servers.streams import Stream


async def _xmpp_within(stream: Stream, begun: bytes, row: Endpoint, rng: random.Random, wrong: bool) -> None:
    within = MessageStream(stream, TEXT, begun=begun)
    if not (await within.read()).startswith(b"<open"):
        return
    number = "" if wrong else f" id='{rng.getrandbits(64):x}'"
    await within.write(f"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='{row.sni}'{number} version='1.0' "
                       "xml:lang='en'/>".encode())
    await within.write(b"<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>")


SERVER = SpeaksInWebsocket(_xmpp_within)
