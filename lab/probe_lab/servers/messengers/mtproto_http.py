"""Telegram's server over HTTP."""

from __future__ import annotations

import random
import struct

from probe.core.endpoints import Endpoint
from probe_lab.servers.app_kinds import AnswersPost
from probe_lab.servers.http1 import Reply, Request
from probe_lab.servers.messengers.mtproto import res_pq


async def _mtproto(request: Request, row: Endpoint, rng: random.Random, wrong: bool) -> Reply:
    answer = res_pq(request.body, rng, wrong)
    status = 200 if len(answer) > 4 else -struct.unpack("<i", answer)[0]
    return Reply(status=status, headers=(("Content-Type", "application/octet-stream"),), body=answer)


SERVER = AnswersPost(_mtproto)
