"""Threema's server: a cookie and a sealed box."""

from __future__ import annotations

import random

from probe_lab.servers.app_kinds import AnswersBytes
from probe_lab.servers.app_wire import Wire


async def threema(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """Cookie and sealed box: 80 bytes."""
    if (await wire.peek(4))[:4] in (b"GET ", b"POST", b"\x16\x03\x01\x02"):
        return None
    await wire.exactly(48)
    return rng.randbytes(79 if wrong else 80)


SERVER = AnswersBytes(threema)
