"""A server of SimpleX: its greeting, unasked."""

from __future__ import annotations

import random
import struct

from probe_lab.servers.app_kinds import AnswersBytes
from probe_lab.servers.app_wire import Wire


async def smp(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """The server's greeting, unasked: its versions and a session id in a padded block."""
    content = struct.pack(">HH", 9 if wrong else 6, rng.randint(6, 8) if wrong else rng.randint(6, 19))
    content += bytes([32]) + rng.randbytes(32)
    return (struct.pack(">H", len(content)) + content).ljust(16_384, b"#")


SERVER = AnswersBytes(smp)
