"""A server of XMPP, as far as a client without an account gets (RFC 6120)."""

from __future__ import annotations

import random

from probe_lab.servers.app_kinds import Talks
from probe_lab.servers.app_wire import Wire

_TLS = "urn:ietf:params:xml:ns:xmpp-tls"


async def xmpp(wire: Wire, host: str, rng: random.Random, clear: bool) -> bool:
    """A stream; its features offer STARTTLS while it is in the clear."""
    if not (await wire.peek(5)).lstrip().startswith((b"<?xml", b"<stre")):
        return False
    opening = await wire.until(b">")
    while b"<stream:stream" not in opening:
        opening = await wire.until(b">")
    offered = f"<starttls xmlns='{_TLS}'><required/></starttls>" if clear else (
        "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1</mechanism></mechanisms>")
    await wire.write(
        f"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
        f"id='{rng.getrandbits(64):x}' from='{host}' version='1.0' xml:lang='en'>"
        f"<stream:features>{offered}</stream:features>".encode()
    )
    if not clear or b"starttls" not in await wire.until(b">"):
        return False
    await wire.write(f"<proceed xmlns='{_TLS}'/>".encode())
    return True


SERVER = Talks(xmpp)
