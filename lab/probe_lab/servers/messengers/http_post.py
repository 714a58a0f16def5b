"""Any service that refuses an empty POST as it documents."""

from __future__ import annotations

import random

from probe.core.endpoints import Endpoint
from probe_lab.servers.app_kinds import AnswersPost
from probe_lab.servers.http1 import Reply, Request, json_reply
from probe_lab.servers.json_path import value_at


async def _told(request: Request, row: Endpoint, rng: random.Random, wrong: bool) -> Reply:
    """A refusal as the service documents it: a number of status and a word."""
    if wrong:
        return json_reply({"error": "not found"})
    found = value_at(row.expect.json) if row.expect.json else {}
    return json_reply({**found, "status_message": "missing_auth_token"} if isinstance(found, dict) else found)


SERVER = AnswersPost(_told)
