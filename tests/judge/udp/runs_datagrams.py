"""Runs in which QUIC is not answered, or with an old certificate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from observations import ELSEWHERE, HERE4, HOST, NEAR4, TIMEOUT, WELL, endpoint, observation, told
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.operations import Operation
from probe.core.tables.purposes import Purpose
from recorded_runs import INNOCENT, ROUTERS, RecordedRun, named, run, trace

URL = f"quichandshake://{HOST}:443"
OF = (endpoint(URL),)


def _said(kind: Operation, purpose: Purpose, attempt: int, failure: Failure = "", **more: Any) -> Observation:
    name = INNOCENT if purpose == "innocent" else HOST
    return observation(**dict(operation=kind, purpose=purpose, attempt=attempt, address=HERE4, address_source="network",
                              port=443, family=4, hostname=name, sni=name, input=URL, target_id="chat.web.main",
                              failure=failure, t0_s=10.0 * attempt, t_s=10.0 * attempt + 3) | more)


def _drop_version() -> RecordedRun:
    """No handshake in version 1 is answered, under any name; the question for another version is, until a box that has
    seen enough handshakes keeps everything from the address: datagrams for its neighbour pass there."""
    seen = [_said("quic_handshake", "innocent", 1, TIMEOUT)]
    for n in (1, 2, 3):
        seen.append(_said("quic_handshake", "target", n, TIMEOUT))
        if n < 3:
            seen.append(_said("quic_version", "version", n, requests=1, responses=1, replies=("00000001",)))
    seen.append(_said("quic_handshake", "innocent", 2, TIMEOUT))
    by_udp: dict[str, Any] = dict(operation="udp_trace")
    ways = [trace(HERE4, "trace", routers=ROUTERS[:2], end="", **by_udp), trace(NEAR4, "neighbour", end="", **by_udp),
            trace(ELSEWHERE, "reference", **by_udp)]
    served = tuple(told(name, input=URL, udp=((f"{HERE4}:443", ""),)) for name in "ab")
    return run(named(), seen, ways, of=OF, told=served)


EXPIRED = [_said("quic_handshake", "target", n, "ssl_invalid_certificate", trust="expired", bytes_read=3500)
           for n in (1, 2)]
RUNS: dict[str, RecordedRun] = {
    "quic/clock": run(named(), EXPIRED, of=OF, ladder=replace(WELL, clock_offset_s=9e7)),
    "quic/expired": run(named(), EXPIRED, of=OF),
    "quic/answers": run(named(), _said("quic_handshake", "target", 1, tls_version="TLSv1.3"),
                        of=(endpoint(URL, trust="record"),)),
    "quic/drop_version": _drop_version(),
}
