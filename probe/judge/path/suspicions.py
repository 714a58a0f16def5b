"""What a path that nothing decides looks like: the cause that would be named if more were known.

A suspicion accuses nobody. It is said only where something speaks against the plainest innocent causes: the network is
well, no neighbour's failure explains it, and somebody else is served at the address, or the service serves others.
"""

from __future__ import annotations

from collections.abc import Callable

from probe.core.tables.block_types import BlockTypeId
from probe.core.tables.failures import CUT_OFF, TIMEOUTS
from probe.core.tables.words import Empty
from probe.judge.path.endings import (
    is_app_closed,
    is_app_dropped,
    is_app_muted,
    is_app_reset,
    is_http_closed,
    is_http_dropped,
    is_http_muted,
    is_http_reset,
    is_tls_alerted,
    is_tls_closed,
    is_tls_dropped,
    is_tls_reset,
    is_tls_silent,
)
from probe.judge.path.path_context import PathContext, controls_reach

Suspicion = BlockTypeId | Empty
_LEAST = 2
"""Attempts that must fail, all of them, or all from some moment on: one may have met a bad moment."""
_ABOVE_TCP: tuple[tuple[Callable[[PathContext], bool], BlockTypeId, BlockTypeId], ...] = (
    (is_tls_reset, "tls.reset.sni", "tls.reset"),
    (is_tls_closed, "tls.close.sni", "tls.close"),
    (is_tls_alerted, "tls.alert.sni", "tls.alert"),
    (is_tls_dropped, "tls.drop.sni", "tls.drop"),
    (is_tls_silent, "tls.mute.sni", "tls.mute"),
    (is_app_reset, "app.reset.protocol", "app.reset"),
    (is_app_closed, "app", "app"),
    (is_app_dropped, "app.drop.protocol", "app.drop"),
    (is_app_muted, "app.mute.protocol", "app.mute"),
)
"""Predicate -> what it looks like where something innocent passes at the address, and where nothing is known to."""
_REQUESTS: tuple[tuple[Callable[[PathContext], bool], BlockTypeId, BlockTypeId], ...] = (
    (is_http_reset, "http.reset", "flow.cut"),
    (is_http_closed, "http.close", "flow.cut"),
    (is_http_dropped, "http.drop", "flow.freeze"),
    (is_http_muted, "http.mute", "flow.freeze"),
)
"""Predicate -> what it looks like in the clear, and within TLS."""


def suspect_block(c: PathContext) -> Suspicion:
    """What the way in which a path fails looks like; empty where something plainer may be the cause."""
    path = c.path
    throughout = path.failed_attempts == path.attempts or path.well_before
    fails = throughout and path.failed_attempts >= _LEAST and path.same_failure
    if not fails or path.tainted or c.self_block or not c.ladder.well or path.controls.failed:
        return ""
    if path.stage == "connect":
        return suspect_address(c) if controls_reach(c) else ""
    passes = (path.innocent == "reached" and not path.tls.alerted_alike) or path.app.innocent in ("reached", "carried")
    if not passes and not controls_reach(c):
        return ""
    for ends, named, plain in _ABOVE_TCP:
        if ends(c):
            return named if passes else plain
    return next((within if path.secure else clear for ends, clear, within in _REQUESTS if ends(c)), "")


def suspect_address(c: PathContext) -> Suspicion:
    """What attempts to connect that fail look like."""
    if c.path.tcp.icmp:
        return "ip.unreachable"
    return "ip.reset" if c.path.failure in CUT_OFF else "ip.blackhole" if c.path.failure in TIMEOUTS else ""


def suspect_slowing(c: PathContext) -> Suspicion:
    """What transfers look like that are slower than others'."""
    if c.ladder.slow or c.ladder.narrow or c.self_block:
        return ""
    return "flow.throttle.sni" if c.path.flow.innocent.slower else "flow.throttle"


def suspect_slow_page(c: PathContext) -> Suspicion:
    """What a page looks like that others elsewhere get in time."""
    return suspect_slowing(c) if controls_reach(c) and c.ladder.full_segments else ""


def suspect_freezing(c: PathContext) -> Suspicion:
    """What transfers, or small records, look like that fall silent."""
    return "" if c.ladder.slow or c.ladder.narrow or c.self_block else "flow.freeze"


def suspect_ending(c: PathContext) -> Suspicion:
    """What connections look like that do not last."""
    stay = c.path.lasting.stay
    if stay.ended:
        return "flow.cut"
    return suspect_freezing(c) if stay.silent else ""


def suspect_cut(c: PathContext) -> Suspicion:
    """What several connections under one name look like that were reset."""
    return "" if c.self_block else "flow.cut"
