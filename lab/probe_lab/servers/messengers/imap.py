"""A server of IMAP, as far as a client without an account gets (RFC 9051)."""

from __future__ import annotations

import random

from probe_lab.servers.app_kinds import Talks
from probe_lab.servers.app_wire import Wire


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


SERVER = Talks(imap)
