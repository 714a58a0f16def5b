"""Runs in which a name is told apart from its address, by every action and without helpers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from observations import EOF, TIMEOUT
from probe.core.packets import Packet
from recorded_runs import BOX_MS, CHAT, PLAIN, TRIP_MS, RecordedRun, Service, fails, named, reached, routes, run, search

ALERT: dict[str, Any] = dict(failure="ssl_error: tlsv1 alert access denied", tls_alert=49)


def out(at_ms: float, flags: str, **changes: Any) -> Packet:
    plain = Packet(at_ms=at_ms, inbound=False, ttl=64, ip_id=4000 + int(at_ms), df=1, flags=flags)
    return replace(plain, **changes)


def back(at_ms: float, flags: str, **changes: Any) -> Packet:
    plain = Packet(at_ms=at_ms, inbound=True, ttl=52, ip_id=int(90 * at_ms), df=1, flags=flags)
    return replace(plain, **changes)


def _opened(trip_ms: float = TRIP_MS) -> list[Packet]:
    return [out(0, "S"), back(trip_ms, "SA", ip_id=0, ack=1), out(trip_ms + 1, "AP", seq=1, ack=1, length=517)]


SERVED = [*_opened(), back(2 * TRIP_MS + 2, "AP", seq=1, ack=518, length=884)]


def _forged_resets(n: int) -> list[Packet]:
    """Three resets with a TTL of their own, long before the service can answer."""
    return [*_opened(), *(back(TRIP_MS + BOX_MS + k, "AR", ttl=145, ip_id=700 + n, seq=1, ack=518) for k in range(3))]


def _forged_end(n: int) -> list[Packet]:
    """An end of data with a TTL of its own and our IP ID, long before the service can answer."""
    opened = _opened(TRIP_MS + n)
    return [*opened, back(TRIP_MS + BOX_MS, "AF", ttl=145, ip_id=opened[-1].ip_id, seq=1, ack=518)]


def _forged_alert(n: int) -> list[Packet]:
    """An alert and an end of data with our IP ID, long before the service can answer."""
    opened = _opened(TRIP_MS + n)
    return [*opened, back(TRIP_MS + BOX_MS, "AFP", ttl=145, ip_id=opened[-1].ip_id, seq=1, ack=518, length=7)]


def _captured(service: Service, packets: Any, **said: Any) -> RecordedRun:
    return run(named(service), fails(service, packets=packets, beside=SERVED, **said), of=(service.endpoint,))


def _sooner(service: Service, **said: Any) -> RecordedRun:
    """Each end comes sooner than the service can answer."""
    return run(named(service), fails(service, end_ms=BOX_MS, **said), routes(service), of=(service.endpoint,))


def _searched(service: Service, word: str, **said: Any) -> RecordedRun:
    """A search finds the hop."""
    return run(named(service), fails(service, **said), search(service, word), of=(service.endpoint,))


DROPPED: dict[str, Any] = dict(failure=TIMEOUT, acked="no")
MUTED: dict[str, Any] = dict(failure=TIMEOUT, acked="yes")


def _controlled(service: Service, recorded: RecordedRun) -> RecordedRun:
    """The same, and controls are served."""
    return replace(recorded, told=reached(service))


ALONE: dict[str, RecordedRun] = {
    "tls/reset_sni_injected": _captured(CHAT, _forged_resets),
    "tls/close_sni_injected": _captured(CHAT, _forged_end, failure=EOF),
    "tls/close_sni_nearer": _sooner(CHAT, failure=EOF),
    "tls/alert_sni_injected": _captured(CHAT, _forged_alert, **ALERT),
    "tls/alert_sni_nearer": _sooner(CHAT, **ALERT),
    "tls/reset_sni": _searched(CHAT, "reset"),
    "tls/drop_sni": _searched(CHAT, "silent", **DROPPED),
    "tls/mute_sni": _searched(CHAT, "silent", **MUTED),
    "http/reset_host_injected": _captured(PLAIN, _forged_resets),
    "http/reset_host": _sooner(PLAIN),
    "http/close_host_injected": _captured(PLAIN, _forged_end, failure=EOF),
    "http/close_host_nearer": _sooner(PLAIN, failure=EOF),
    "http/drop_host": _searched(PLAIN, "silent", **DROPPED),
    "http/mute_host": _searched(PLAIN, "silent", **MUTED),
}
"""Where no helper was asked."""
RUNS: dict[str, RecordedRun] = ALONE | {
    rule_id.removesuffix("_nearer") + "_control": _controlled(CHAT if rule_id.startswith("tls") else PLAIN, recorded)
    for rule_id, recorded in ALONE.items() if not rule_id.endswith("_injected")}
