"""A broker of MQTT."""

from __future__ import annotations

import random

from probe_lab.servers.app_kinds import AnswersBytes
from probe_lab.servers.app_wire import Wire


async def mqtt(wire: Wire, rng: random.Random, wrong: bool) -> bytes | None:
    """CONNACK: accepted, or one of the refusals for those who give no name."""
    head = await wire.exactly(2)
    if head[0] != 0x10 or head[1] > 127:
        return None
    connect = await wire.exactly(head[1])
    if connect[2:6] not in (b"MQTT", b"MQIs"):
        return None
    return b"\x30\x02\0\0" if wrong else bytes((0x20, 2, 0, rng.choice((0, 4, 5))))


SERVER = AnswersBytes(mqtt)
