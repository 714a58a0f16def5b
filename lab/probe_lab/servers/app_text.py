"""XMPP, IMAP and SMTP servers as far as a client without an account gets: greeting, features, STARTTLS.

RFC 6120, RFC 9051, RFC 5321 and RFC 3207. A dialogue returns True when the client may begin TLS.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping

from probe_lab.servers.app_wire import Wire

Dialogue = Callable[[Wire, str, random.Random, bool], Awaitable[bool]]
"""Gets the connection, the host's name, and whether it has not been secured yet."""

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


async def imap(wire: Wire, host: str, rng: random.Random, clear: bool) -> bool:
    """The greeting, and STARTTLS."""
    await wire.write(f"* OK [CAPABILITY IMAP4rev1 {'STARTTLS' if clear else 'AUTH=PLAIN'}] ready.\r\n".encode())
    while line := await wire.until(b"\r\n"):
        tag, _, command = line.strip().partition(b" ")
        if clear and command.upper() == b"STARTTLS":
            await wire.write(tag + b" OK Begin TLS negotiation now.\r\n")
            return True
        await wire.write(tag + b" BAD Error in IMAP command.\r\n")
    return False


async def smtp(wire: Wire, host: str, rng: random.Random, clear: bool) -> bool:
    """The greeting, EHLO, and STARTTLS."""
    await wire.write(f"220 {host} ESMTP Postfix\r\n".encode())
    while line := (await wire.until(b"\r\n")).strip().upper():
        if line.startswith(b"EHLO"):
            offered = "250-STARTTLS\r\n" if clear else ""
            await wire.write(f"250-{host}\r\n250-PIPELINING\r\n{offered}250 8BITMIME\r\n".encode())
        elif clear and line == b"STARTTLS":
            await wire.write(b"220 2.0.0 Ready to start TLS\r\n")
            return True
        else:
            await wire.write(b"502 5.5.2 Error: command not recognized\r\n")
    return False


DIALOGUES: Mapping[str, Dialogue] = {
    "xmpp_starttls": xmpp, "xmpps": xmpp, "imap": imap, "imap_starttls": imap, "smtp": smtp, "smtp_starttls": smtp,
}
"""Protocol of a row -> who speaks it."""
