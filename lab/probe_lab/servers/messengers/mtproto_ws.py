"""Telegram's server of its web client."""

from __future__ import annotations

import random

from probe.core.endpoints import Endpoint
from probe_lab.servers.app_kinds import SpeaksInWebsocket
from probe_lab.servers.app_websocket import BINARY, HiddenStream, MessageStream
from probe_lab.servers.app_wire import Wire
from probe_lab.servers.messengers.mtproto import answer_clear
from probe_lab.servers.streams import Stream


async def _within(stream: Stream, begun: bytes, row: Endpoint, rng: random.Random, wrong: bool) -> None:
    within = HiddenStream(MessageStream(stream, BINARY, begun=begun))
    if (answer := await answer_clear(Wire(within), rng, wrong)) is not None:
        await within.write(answer)


SERVER = SpeaksInWebsocket(_within)
