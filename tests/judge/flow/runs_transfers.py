"""Runs in which a service answers, and its transfers, its later packets or its datagrams do not come through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from observations import ELSEWHERE, NEAR4, THERE4, TIMEOUT, observation, operation
from probe.core.observations import Observation
from probe.core.tables.purposes import Purpose
from probe.judge.flow.loss_evidence import BESIDE, TURN
from recorded_runs import CHAT, INNOCENT, ROUTERS, THREE, RecordedRun, Service, connection, named, reached, run, trace

SIZE, MSS = 131_072, 1400
STOPPED = 16_800
"""Bytes after which boxes freeze transfers."""
SLOW_A_S = 12_000
"""Bytes of each whole second that a box lets through."""


def transfer(at_s: float, service: Service = CHAT, *, purpose: Purpose = "sample", name: str = "", address: str = "",
             size: int = SIZE, took_s: float = 0.4, stops: bool = False, method: str = "GET", segments: int = 0,
             body_bytes: int = SIZE) -> Observation:
    """One transfer: of so many bytes in so many seconds, or silent after them."""
    steady = tuple(size // int(2 * took_s) for _ in range(int(2 * took_s))) if took_s >= 1 else (size,)
    return observation(
        operation="transfer", purpose=purpose, method=method, address=address or service.address, port=service.port,
        input=service.endpoint.input, hostname=name or service.host, sni=name or service.host,
        failure=TIMEOUT if stops else "", bytes_read=size, flow_s=took_s, t0_s=at_s, t_s=at_s + took_s + 6.0 * stops,
        min_rtt_ms=80.0, receive_mss=MSS, segments=segments or size // MSS, bins=steady, status=200,
        body_bytes=body_bytes, rounds=1)


def in_turns(service: Service, mine: dict[str, Any], innocent: dict[str, Any] | None, *, tries: int = 4,
             pieces: dict[str, Any] | None = None) -> list[Observation]:
    """The service's page, then transfers in turns: its own, an innocent name's at its address, somebody else's."""
    seen = [*named(service), *connection(0.0, service, last="http_round_trip", **PAGE)]
    for n in range(tries):
        seen.append(transfer(100.0 + 60 * n, service, **mine))
        if innocent is not None:
            seen.append(transfer(120.0 + 60 * n, service, purpose="yardstick", name=INNOCENT, **innocent))
        seen.append(transfer(140.0 + 60 * n, service, purpose="yardstick", name="beyond.example", address=ELSEWHERE))
    return [*seen, transfer(500.0, service, method="HEAD", **pieces)] if pieces else seen


def slow_pages() -> RecordedRun:
    """Four services' pages; one's take three seconds, each of three times."""
    others = [Service(name=f"s{n}", host=f"www.s{n}.example", address=f"93.184.{n}.34") for n in range(3)]
    seen = [o for s in others for o in (*named(s), *connection(0.0, s, last="http_round_trip", **PAGE))]
    mine = [o for n in range(1, 4)
            for o in connection(20.0 * n, attempt=n, last="http_round_trip", end_ms=3000.0, **PAGE)]
    return run(seen, named(), mine, of=(CHAT.endpoint, *(s.endpoint for s in others)), told=reached())


OF_THREE = tuple(s.endpoint for s in THREE)
PAGE: dict[str, Any] = dict(met_expectation="yes")
SLOW: dict[str, Any] = dict(took_s=10.0, size=10 * SLOW_A_S)
STOPS: dict[str, Any] = dict(size=STOPPED, stops=True, took_s=0.3)
FAST: dict[str, Any] = {}
SMALL: dict[str, Any] = dict(body_bytes=60_000)
"""Another page than the service's own."""


def _fast_there(service: Service = CHAT) -> tuple[Any, ...]:
    return tuple(replace(answer, volume_failure="", volume_bytes=SIZE, volume_s=0.5) for answer in reached(service))


def _three(mine: dict[str, Any], innocent: dict[str, Any] | None, **more: Any) -> RecordedRun:
    """The same at three unrelated owners' services."""
    policed = more.pop("policed", False)
    return run(*(in_turns(s, mine, innocent, **more) for s in THREE), *(_policed(s) for s in THREE if policed),
               of=OF_THREE, told=tuple(answer for s in THREE for answer in _fast_there(s)))


def _turns(service: Service, *, sni: bool, lossy: bool) -> list[Observation]:
    """Exchanges in turns: under the own and an innocent name at one address, or to this address and to two others."""
    seen: list[Observation] = []
    for n in range(15):
        others = [service.address] if sni else [ELSEWHERE, THERE4]
        for purpose, address, name in ((TURN, service.address, service.host),
                                       *((BESIDE, other, INNOCENT) for other in others)):
            lost = lossy and purpose == TURN
            seen.append(operation(
                "tls_handshake" if sni else "connect", address, purpose=purpose, attempt=n, min_rtt_ms=80.0,
                t0_s=700.0 + 20 * n, t_s=700.5 + 20 * n, **service.common | dict(hostname=name),
                sni=name if sni else "", segments_out=6, delivered=3 if lost else 6, retransmits=3 * lost))
    return seen


def _policed(service: Service) -> list[Observation]:
    """A box that keeps the rate low drops packets under the name, and so do handshakes in turns show."""
    return _turns(service, sni=True, lossy=True)


def _dropped_at_the_address() -> RecordedRun:
    """Most packets to one address are lost, where those to its neighbour pass: some connections open late or never."""
    failed = [o for n in (1, 2, 3) for o in connection(10.0 * n, attempt=n, last="connect", failure=TIMEOUT)]
    served = [o for n in (4, 5) for o in connection(10.0 * n, attempt=n, last="http_round_trip", **PAGE)]
    ways = [trace(CHAT.address, "trace", 443, ROUTERS[:2], ""), trace(NEAR4, "neighbour", end=""),
            trace(ELSEWHERE, "reference"), trace(THERE4, "reference")]
    return run(named(), failed, ways, served, _turns(CHAT, sni=False, lossy=True), told=reached())


def _silent_once_encrypted(service: Service) -> list[Observation]:
    """Each page and each transfer stops, an innocent name's do not; there was time for one at another service."""
    page: dict[str, Any] = dict(last="http_round_trip", failure=TIMEOUT, acked="yes", bytes_read=STOPPED - 3500)
    seen = named(service)
    for n in (1, 2, 3):
        seen += connection(10.0 * n, service, attempt=n, **page)
        seen += [transfer(100.0 + 60 * n, service, **STOPS),
                 transfer(120.0 + 60 * n, service, purpose="yardstick", name=INNOCENT)]
    return [*seen, transfer(400.0, service, purpose="yardstick", name="beyond.example", address=ELSEWHERE)]


RUNS: dict[str, RecordedRun] = {
    "flow/slowed_by_name": _three(SLOW, FAST),
    "flow/slowed_by_name_control": _three(SLOW, SMALL, policed=True),
    "flow/slowed_address": run(in_turns(CHAT, SLOW, SLOW), told=_fast_there()),
    "flow/slowed": _three(SLOW, None, policed=True),
    "flow/frozen_by_bytes": _three(STOPS, FAST, pieces=dict(size=STOPPED // 2, segments=40)),
    "flow/frozen_by_packets": _three(STOPS, FAST, pieces=dict(size=STOPPED // 2, segments=12, stops=True)),
    "flow/frozen": _three(STOPS, FAST),
    "flow/slow_pages": slow_pages(),
    "flow/slow_undecided": run(in_turns(CHAT, SLOW, None)),
    "flow/slow_too_few": run(in_turns(CHAT, SLOW, None, tries=2)),
    "tcp/degraded_by_name": run(*(in_turns(s, FAST, FAST) for s in THREE), *map(_policed, THREE), of=OF_THREE),
    "flow/frozen_undecided": run(in_turns(CHAT, STOPS, None)),
    "flow/frozen_at_times": run(in_turns(CHAT, FAST, FAST, tries=3), transfer(600.0, **STOPS)),
    "tcp/degraded_address": _dropped_at_the_address(),
    "flow/silent_once_encrypted": run(
        *map(_silent_once_encrypted, THREE), of=OF_THREE, told=tuple(answer for s in THREE for answer in reached(s))),
}
