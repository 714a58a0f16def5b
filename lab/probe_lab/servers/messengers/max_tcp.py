"""MAX's server: a response or an error."""

from __future__ import annotations

import random
import struct

from probe_lab.servers.app_kinds import AnswersBytes
from probe_lab.servers.app_wire import Wire


async def max_tcp(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """A response or an error to the client's sequence number and opcode."""
    version, command, sequence, opcode, length = struct.unpack(">BHBHI", await wire.exactly(10))
    if command != 0 or length > 65_536:
        return None
    await wire.exactly(length)
    body = b"\x81\xa5error\xa5proto" if rng.random() < 0.5 else b"\x80"
    kind = 3 if len(body) > 1 else 1
    return struct.pack(">BHBHI", version, kind, sequence ^ 1 if wrong else sequence, opcode, len(body)) + body


SERVER = AnswersBytes(max_tcp)
