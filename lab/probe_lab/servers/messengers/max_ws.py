"""MAX's server of its web client."""

from __future__ import annotations

import json
import random

from probe.core.endpoints import Endpoint
from probe_lab.servers.app_kinds import SpeaksInWebsocket
from probe_lab.servers.app_websocket import TEXT, MessageStream
from probe_lab.servers.streams import Stream


async def _max_within(stream: Stream, begun: bytes, row: Endpoint, rng: random.Random, wrong: bool) -> None:
    within = MessageStream(stream, TEXT, begun=begun)
    try:
        asked = json.loads(await within.read())
        number, opcode = asked["seq"], asked["opcode"]
    except (ValueError, KeyError, TypeError):
        return
    document = {"ver": 11, "cmd": 3 if rng.random() < 0.5 else 1, "seq": number + wrong, "opcode": opcode,
                "payload": {"error": "proto.payload"}}
    await within.write(json.dumps(document).encode())


SERVER = SpeaksInWebsocket(_max_within)
