"""KakaoTalk's server: the answer to GETCONF."""

from __future__ import annotations

import random
import struct

from probe_lab.servers.app_kinds import AnswersBytes
from probe_lab.servers.app_wire import Wire


async def loco(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """GETCONF's answer: the same packet id, and a document with the next servers."""
    header = await wire.exactly(22)
    packet, _, method, _, length = struct.unpack("<IH11sBI", header)
    if method.rstrip(b"\0") != b"GETCONF" or not 5 <= length <= 4096:
        return None
    await wire.exactly(length)
    host = f"ticket-loco-{rng.randint(1, 99)}.example".encode() + b"\0"
    elements = b"\x02lsl\0" + struct.pack("<I", len(host)) + host + b"\x10status\0" + struct.pack("<i", 0)
    body = struct.pack("<I", len(elements) + 5) + elements + b"\0"
    return struct.pack("<IH11sBI", packet ^ 1 if wrong else packet, 0, method, 0, len(body)) + body


SERVER = AnswersBytes(loco)
