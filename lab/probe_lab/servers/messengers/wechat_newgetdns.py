"""WeChat's own directory of names."""

from __future__ import annotations

import random
from urllib.parse import urlsplit

from probe.core.endpoints import Endpoint
from probe_lab.servers.app_kinds import AnswersGet
from probe_lab.servers.documents import known_document
from probe_lab.servers.http1 import Reply, Request


async def _directory(request: Request, row: Endpoint, rng: random.Random, wrong: bool) -> Reply:
    """WeChat's own directory of names; to another request, one without a code."""
    parts = urlsplit(request.target)
    document = known_document(row.host.lower(), parts.path, parts.query)
    if document is None or request.headers.get("user-agent") != "MicroMessenger Client":
        return Reply(status=403)
    if wrong:
        return Reply(status=200, headers=(("Content-Type", "text/xml"),), body=b"<dns><domainlist/></dns>" + bytes(300))
    headers = (("Content-Type", document.content_type), ("Content-Encoding", document.encoding))
    return Reply(status=200, headers=headers, body=document.body)


SERVER = AnswersGet(_directory)
