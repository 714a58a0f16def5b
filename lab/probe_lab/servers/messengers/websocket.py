"""Any server behind a WebSocket that greets first."""

from __future__ import annotations

import json
import random

from probe.core.endpoints import Endpoint
from probe_lab.servers.app_kinds import SpeaksInWebsocket
from probe_lab.servers.app_websocket import TEXT, message
from probe_lab.servers.json_path import value_at
from probe_lab.servers.streams import Stream


async def _greet(stream: Stream, begun: bytes, row: Endpoint, rng: random.Random, wrong: bool) -> None:
    """What the catalogue knows of a greeting, and what such greetings hold besides."""
    if row.expect.json:
        found = value_at(row.expect.json)
        document = {"t": None, "s": None, **(found if isinstance(found, dict) else {}),
                    "d": {"heartbeat_interval": rng.randrange(40_000, 46_000)}}
        if wrong:
            document[row.expect.json.partition("=")[0]] = 9
        await stream.write(message(TEXT, json.dumps(document).encode()))


SERVER = SpeaksInWebsocket(_greet)
