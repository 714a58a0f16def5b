"""A test helper that lies, or has too much to do: a front with the helper's certificate, and behind it the true helper,
whose answers (`probe.controls.helper_protocol`, as JSON) are changed on their way out."""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from http.server import ThreadingHTTPServer
from typing import Any, Literal, get_args

from probe_lab.host import namespaces as ns
from probe_lab.host.child import work_and_end
from probe_lab.host.http_replies import ReplyingHandler

FalseStyle = Literal["well", "down", "keys", "loaded"]
"""well: everything answers; down: nothing does; keys: servers have other keys; loaded: it declines."""
FALSE_STYLES: tuple[FalseStyle, ...] = get_args(FalseStyle)
BEHIND = ("127.0.0.1", 8080)
"""Where the true helper listens, within the vantage point's own namespace."""
REFUSED = "connection_refused"
PAGE_BYTES = 4096
MAX_BYTES = 1 << 20
TIMEOUT_S = 30.0
_KNOCK_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseHelper:
    """How the helper of one vantage point errs."""

    style: FalseStyle
    after_s: float = 0.0
    """How long it takes to decline."""


def falsify(answer: dict[str, Any], style: FalseStyle) -> dict[str, Any]:
    """The answer as a helper of this style gives it."""
    entries = answer.get("x_endpoints", [])
    if style == "keys":
        return answer | {"x_endpoints": [_with_other_key(entry) for entry in entries]}
    end = {"status": style == "well", "failure": None if style == "well" else REFUSED}
    changed: dict[str, Any] = {name: {place: seen | end for place, seen in answer[name].items()}
                               for name in ("tcp_connect", "tls_handshake") if name in answer}
    if answer.get("http_request"):
        changed["http_request"] = _page(answer["http_request"], style)
    return answer | changed | {"x_endpoints": [_with_end(entry, end["failure"]) for entry in entries]}


def _with_other_key(entry: dict[str, Any]) -> dict[str, Any]:
    key = entry.get("leaf_key_sha256", "")
    return entry | {"leaf_key_sha256": hashlib.sha256(key.encode()).hexdigest(), "failure": None} if key else entry


def _with_end(entry: dict[str, Any], failure: object) -> dict[str, Any]:
    if entry.get("proto") == "dns" or entry.get("reason"):
        return entry
    return entry | {"failure": failure} | ({"operation": "connect"} if failure else {})


def _page(page: dict[str, Any], style: FalseStyle) -> dict[str, Any]:
    if style == "down":
        return {"body_length": -1, "failure": REFUSED, "x_failure": REFUSED, "status_code": -1}
    if page.get("status_code", -1) > 0:
        return page
    return {"body_length": PAGE_BYTES, "failure": None, "title": "Welcome", "headers": {}, "status_code": 200}


def serve_false_helper(errs: FalseHelper, *, address: str, port: int, certificate: str, key: str,
                       run_true: Callable[[str], None]) -> None:
    """Listen as the helper, for ever. `run_true` runs the true one, at the `ip:port` that it is given."""
    if errs.style != "loaded":
        _start(partial(run_true, "{}:{}".format(*BEHIND)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer((address, port), type("Handler", (_Handler,), {"errs": errs}))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


def _start(work: Callable[[], None]) -> None:
    """Run it in a process of its own, which ends with this one; returns when it listens."""
    if os.fork() == 0:
        ns.die_with_parent()
        work_and_end(work)
    while not _is_up():
        time.sleep(_KNOCK_S)


def _is_up() -> bool:
    with suppress(OSError):
        probe = HTTPConnection(*BEHIND, timeout=1.0)
        probe.connect()
        probe.close()
        return True
    return False


class _Handler(ReplyingHandler):
    """One question: handed on, and the answer changed."""

    errs: FalseHelper
    timeout = TIMEOUT_S

    def do_POST(self) -> None:
        """Answer it."""
        question = self.read_body(MAX_BYTES)
        if self.errs.style == "loaded":
            time.sleep(self.errs.after_s)
            return self.reply(503, b'{"error": "too many requests at once; try again"}')
        status, answer = _ask(question)
        changed = json.dumps(falsify(json.loads(answer), self.errs.style)).encode() if status == 200 else answer
        return self.reply(status, changed)


def _ask(question: bytes) -> tuple[int, bytes]:
    """What the true helper says: a status and a body."""
    behind = HTTPConnection(*BEHIND, timeout=TIMEOUT_S)
    behind.request("POST", "/", body=question, headers={"Content-Type": "application/json",
                                                        "User-Agent": "reachability-probe/lab"})
    answer = behind.getresponse()
    return answer.status, answer.read(MAX_BYTES)
