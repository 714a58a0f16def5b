"""A test helper that lies, or has too much to do.

`python -m probe_lab.host.false_helper STYLE SECONDS MODULE ARGUMENTS` runs the module, which is the true helper, with
its answers changed on their way out."""

from __future__ import annotations

import asyncio
import hashlib
import runpy
import sys
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from probe.control.helper import helper_server
from probe.control.helper.helper_engine import HelperEngine, measure_order
from probe.control.helper.helper_order import HelperOrder
from probe.control.helper_protocol import HttpResult, Response, TcpResult, TlsResult, XResult

REFUSED = "connection_refused"
PAGE_BYTES = 4096


def falsify(told: Response, style: str) -> Response:
    """The answer as a helper of this style gives it: well, down or keys."""
    if style == "keys":
        return replace(told, x_endpoints=[_with_other_key(entry) for entry in told.x_endpoints])
    well = style == "well"
    http = told.http_request
    return replace(
        told,
        tcp_connect={place: TcpResult(status=well, failure=None if well else REFUSED) for place in told.tcp_connect},
        tls_handshake=UNSET if told.tls_handshake is UNSET else {
            place: TlsResult(server_name=seen.server_name, status=well, failure=None if well else REFUSED)
            for place, seen in told.tls_handshake.items()},
        http_request=http and (_served(http) if well else HttpResult(failure=REFUSED, x_failure=REFUSED)),
        x_endpoints=[_with_end(entry, "" if well else REFUSED) for entry in told.x_endpoints],
    )


def _with_other_key(entry: XResult) -> XResult:
    key = entry.leaf_key_sha256
    return replace(entry, leaf_key_sha256=hashlib.sha256(key.encode()).hexdigest(), failure=None, trust="valid",
                   ) if key else entry


def _with_end(entry: XResult, failure: str) -> XResult:
    if entry.proto == "dns" or entry.reason:
        return entry
    return replace(entry, failure=failure or None, operation="connect" if failure else entry.operation)


def _served(page: HttpResult) -> HttpResult:
    if page.status_code > 0:
        return page
    return HttpResult(failure=None, status_code=200, body_length=PAGE_BYTES, title="Welcome")


def change_helper(style: str, after_s: float) -> None:
    """Let every helper of this process answer so."""
    async def lie(order: HelperOrder, engine: HelperEngine) -> Response:
        return falsify(await measure_order(order, engine), style)

    async def decline(*_: Any) -> helper_server.Ended:
        await asyncio.sleep(after_s)
        return helper_server.FULL

    vars(helper_server).update({"_answer": decline} if style == "loaded" else {"measure_order": lie})


def main(arguments: list[str]) -> None:
    """Change the helper, then be it."""
    style, after_s, *program = arguments
    change_helper(style, float(after_s))
    sys.argv = program
    runpy.run_module(program[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
