"""Runs in which the shape of a hello, the name at another server or a certificate tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from observations import BEYOND4, EOF, NEAR4, RESET, TIMEOUT, WELL
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.trust import TrustFinding
from recorded_runs import (
    BOX_MS,
    CHAT,
    INNOCENT,
    THREE,
    RecordedRun,
    Service,
    connection,
    fails,
    named,
    reached,
    routes,
    run,
    search,
)
from runs_named import ALERT

LIBRARY = "t13d1516h2_8daaf6152771_02713d6af862"


def _shaped(failure: Failure, acked: str) -> RecordedRun:
    """The library's hello fails, and a browser's is answered once."""
    other = connection(70.0, purpose="shape", hostname=CHAT.host, shape="browser")
    return run(named(), fails(failure=failure, acked=acked), other)


def _by_shape(service: Service, failure: Failure, acked: str, *, innocent: Failure) -> list[Observation]:
    """The library's hello fails, small segments do not help, and a browser's is answered in turns."""
    ends: dict[str, Any] = dict(failure=failure, acked=acked, ja4=LIBRARY)
    shape: dict[str, Any] = dict(purpose="shape", hostname=service.host)
    return [
        *named(service), *fails(service, innocent=innocent, times=4, **ends),
        *connection(60.0, service, shape="browser", **shape),
        *connection(70.0, service, shape="narrow", failure=failure, **shape),
        *connection(80.0, service, attempt=5, **ends),
        *connection(90.0, service, shape="browser", attempt=2, **shape),
    ]


def _of_three(failure: Failure, acked: str = "", *, innocent: Failure = "") -> RecordedRun:
    """The same at three unrelated owners' servers, which take such a hello elsewhere."""
    seen = (_by_shape(s, failure, acked, innocent=innocent) for s in THREE)
    return run(*seen, of=tuple(s.endpoint for s in THREE), told=tuple(
        answer for s in THREE for answer in reached(s, ja4s=((f"{s.address}:443", LIBRARY),))))


def _every_hello_is_muted() -> RecordedRun:
    """At one address every hello is met with silence; the owner's other name is at another, and a search shows where.
    """
    other = Service(host="api.chat.example", address=NEAR4)
    silence: dict[str, Any] = dict(failure=TIMEOUT, acked="yes")
    small = connection(70.0, purpose="shape", hostname=CHAT.host, shape="narrow", failure=TIMEOUT)
    return run(named(), fails(innocent=TIMEOUT, **silence), small,
               named(other), fails(other, **silence), search(other, "silent"),
               of=(CHAT.endpoint, replace(other.endpoint, target_id="chat.api.main")), told=reached())


def _elsewhere(failure: Failure = RESET, acked: str = "") -> RecordedRun:
    """A server whose operator agreed answers an innocent name before and after, and this one never."""
    there = replace(CHAT, address=BEYOND4)
    asked = [connection(100.0 + 10 * n, there, purpose="foreign", attempt=n, hostname=name,
                        failure="" if name == INNOCENT else failure, acked=acked)
             for n, name in enumerate([INNOCENT, *[CHAT.host] * 3, INNOCENT])]
    return run(named(), fails(failure=failure, acked=acked), *asked)


PLACE = f"{CHAT.address}:443"


def _resigned(service: Service, **said: Any) -> list[Observation]:
    """Handshakes in which somebody presents a certificate that we do not trust."""
    shown: dict[str, Any] = dict(failure="ssl_unknown_authority", trust="unknown_issuer", issuer="CN=Inspection",
                                 chain=("shown", "root"))
    return [*named(service), *fails(service, times=3, **shown | said)]


def _presented(trust: TrustFinding, **said: Any) -> RecordedRun:
    return run(_resigned(CHAT, trust=trust, **said))


def _large_packets_are_lost() -> RecordedRun:
    """Every usual hello is met with silence, and one in small segments is answered."""
    silence: dict[str, Any] = dict(failure=TIMEOUT, acked="no")
    small = connection(70.0, purpose="shape", hostname=CHAT.host, shape="narrow", segments=1)
    return run(named(), fails(innocent=TIMEOUT, **silence), small, connection(80.0, attempt=6, **silence))


RUNS: dict[str, RecordedRun] = {
    "tls/alert_every_name": run(named(), fails(**ALERT, innocent_alert=49, end_ms=BOX_MS), routes(), told=reached()),
    "tls/small_segments_pass": _large_packets_are_lost(),
    "tls/close_of_some_clients": _shaped(EOF, ""),
    "tls/drop_of_some_clients": _shaped(TIMEOUT, "no"),
    "tls/mute_of_some_clients": _shaped(TIMEOUT, "yes"),
    "tls/reset_of_some_clients": _shaped(RESET, ""),
    "tls/reset_fingerprint": _of_three(RESET, innocent=RESET),
    "tls/close_fingerprint": _of_three(EOF, innocent=EOF),
    "tls/drop_fingerprint": _of_three(TIMEOUT, "no", innocent=TIMEOUT),
    "tls/mute_fingerprint": _of_three(TIMEOUT, "yes", innocent=TIMEOUT),
    "tls/reset_name_and_shape": _of_three(RESET),
    "tls/close_name_and_shape": _of_three(EOF),
    "tls/drop_name_and_shape": _of_three(TIMEOUT, "no"),
    "tls/mute_name_and_shape": _of_three(TIMEOUT, "yes"),
    "tls/mute_every_hello": _every_hello_is_muted(),
    "tls/reset_sni_elsewhere": _elsewhere(),
    "tls/drop_sni_elsewhere": _elsewhere(TIMEOUT, "no"),
    "tls/national_authority": _presented("unknown_issuer", issuer="CN=National Root", fingerprint="root",
                                         fingerprint_scope="national RU"),
    "tls/device_root": _presented("device_root"),
    "tls/expired": _presented("expired", failure="ssl_invalid_certificate"),
    "tls/clock": replace(_presented("expired", failure="ssl_invalid_certificate"),
                         ladder=replace(WELL, clock_offset_s=9e7)),
    "tls/everything_resigned": replace(_presented("unknown_issuer"), ladder=replace(WELL, resigned=2, tls_ok=2)),
    "tls/same_bad_certificate": replace(_presented("wrong_name", failure="ssl_invalid_hostname"), told=reached(
        leaf_keys=((PLACE, "shown"),))),
    "tls/every_name_fails": run(named(), fails(), ladder=replace(WELL, tls_ok=0, tls_failed=2)),
    "tls/no_name_answered": run(named(), fails(failure=TIMEOUT, acked="no"),
                                ladder=replace(WELL, tls_ok=0, tls_failed=2)),
    "tls/controls_fail_too": run(named(), fails(), told=reached(tls=((PLACE, RESET),))),
    "tls/foreign_certificate": run(*(fails_so for s in THREE for fails_so in _resigned(s)),
                                   of=tuple(s.endpoint for s in THREE), told=tuple(
        answer for s in THREE for answer in reached(s, leaf_keys=((f"{s.address}:443", "genuine"),)))),
}
