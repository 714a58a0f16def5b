"""Viber's server: a packet as recorded."""

from __future__ import annotations

import random
import struct

from probe_lab.servers.app_kinds import AnswersBytes
from probe_lab.servers.app_wire import Wire


async def viber(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """A packet as recorded: its length first, the marks of an answer, and the rest as it may be."""
    length = int.from_bytes(await wire.peek(2), "little")
    if not 20 <= length <= 600:
        return None
    await wire.exactly(length)
    size = rng.randint(300, 600)
    head = struct.pack("<HH", size, rng.randint(0, 0xFFFF))
    body = head + (b"\x05\x80" if wrong else b"\x03\x80") + bytes(4) + b"\x0a\x00"
    return body + rng.randbytes(size - len(body))


SERVER = AnswersBytes(viber)
