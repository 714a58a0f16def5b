"""A seed node of Session: JSON-RPC 2.0."""

from __future__ import annotations

import json
import random

from probe.core.endpoints import Endpoint
from probe_lab.servers.app_kinds import AnswersPost
from probe_lab.servers.http1 import Reply, Request, json_reply


async def _json_rpc(request: Request, row: Endpoint, rng: random.Random, wrong: bool) -> Reply:
    """JSON-RPC 2.0: the id comes back, whatever it is."""
    try:
        asked = json.loads(request.body)
        method, number = asked["method"], asked["id"]
    except (ValueError, KeyError, TypeError):
        return Reply(status=400)
    document: dict[str, object] = {"id": "another" if wrong else number, "jsonrpc": "2.0"}
    if method == "get_n_service_nodes":
        node = {"public_ip": "192.0.2.9", "storage_port": 22021}
        document["result"] = {"service_node_states": [node], "status": "OK", "as_of_height": rng.randrange(1 << 20)}
    else:
        document["error"] = {"code": -32601, "message": "Method not found"}
    return json_reply(document)


SERVER = AnswersPost(_json_rpc)
