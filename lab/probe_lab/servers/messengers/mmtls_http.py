"""WeChat's server of the short link."""

from __future__ import annotations

import random

from probe.core.endpoints import Endpoint
from probe_lab.servers.app_kinds import AnswersPost
from probe_lab.servers.app_wire import Given, Wire
from probe_lab.servers.http1 import Reply, Request
from probe_lab.servers.messengers.mmtls import mmtls


async def _mmtls(request: Request, row: Endpoint, rng: random.Random, wrong: bool) -> Reply:
    if request.headers.get("upgrade") != "mmtls":
        return Reply(status=403)
    try:
        answer = await mmtls(Wire(Given(request.body)), rng, wrong)
    except EOFError:
        answer = None
    return Reply(status=200, headers=(("Content-Type", "application/octet-stream"),), body=answer or b"")


SERVER = AnswersPost(_mmtls)
