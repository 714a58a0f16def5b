"""A server of SMTP, as far as a client without an account gets (RFC 5321, RFC 3207)."""

from __future__ import annotations

import random

from probe_lab.servers.app_kinds import Talks
from probe_lab.servers.app_wire import Wire


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


SERVER = Talks(smtp)
