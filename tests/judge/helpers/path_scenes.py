"""What recordings of paths are built from: how a path looks, and what controls and packets say of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from observations import EOF, RESET, TIMEOUT, WELL, path
from probe.judge.common.fingerprint_weight import FingerprintMark
from probe.judge.hops.hop_evidence import HopLocation
from probe.judge.http.refusal_evidence import NO_ANSWERS
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.packets.packet_anatomy import PacketAnatomy
from probe.judge.path.path_context import PathContext

RESIGNED = replace(WELL, resigned=2, tls_ok=2)
"""Innocent servers present certificates of nobody we trust."""
HERE = FingerprintMark(name="page", fits=True)
"""A fingerprint of the vantage's own country."""
IN_CLEAR: dict[str, Any] = dict(secure=False, stage="page", met="no", status=200)
NEARER = HopLocation(least=3, most=3, where="before")
REFUSED_PAGE: dict[str, Any] = dict(proven=True, status=403, met="no", stage="page")
"""Of the genuine server."""
FORGED: dict[str, Any] = dict(anatomy=PacketAnatomy(captured=5, signs=("ttl", "early", "copies")))
FORGED_AGAIN: dict[str, Any] = dict(anatomy=PacketAnatomy(captured=6, signs=("ttl", "early", "copies"), near_slots=2))
HEADERS_ONLY: dict[str, Any] = dict(anatomy=PacketAnatomy(captured=5, signs=("ttl", "df", "ip_id_constant")))

SHOWS: dict[str, dict[str, Any]] = {
    "tls/reset": dict(stage="tls", failure=RESET),
    "tls/close": dict(stage="tls", failure=EOF),
    "tls/alert": dict(stage="tls", failure="ssl_error: tlsv1 alert access denied", tls_alert=49, acked="yes"),
    "tls/drop": dict(stage="tls", failure=TIMEOUT, acked="no"),
    "tls/mute": dict(stage="tls", failure=TIMEOUT, acked="yes"),
    "http/reset": dict(stage="http", failure=RESET, secure=False),
    "http/close": dict(stage="http", failure=EOF, secure=False),
    "http/drop": dict(stage="http", failure=TIMEOUT, secure=False, acked="no"),
    "http/mute": dict(stage="http", failure=TIMEOUT, secure=False, acked="yes"),
}
NO_CONTROL: dict[str, Any] = dict(controls_asked=0, controls_answered=0, controls_ok=0, controls_failed=0,
                                  controls_here=0,
                                  same_key=0, other_key=0, page_same=0,
                                  page_differs=0, redirects_alike=0, elsewhere=NO_ANSWERS)
CONTRARY: dict[str, Any] = dict(controls_asked=2, controls_answered=2, controls_ok=2, controls_here=2)
FAILS_TOO: dict[str, Any] = dict(controls_asked=2, controls_answered=2, controls_failed=2)
ONE_ATTEMPT: dict[str, Any] = dict(attempts=1, failed_attempts=1)
TWO_ATTEMPTS: dict[str, Any] = dict(attempts=2, failed_attempts=2)
SERVED: dict[str, Any] = dict(attempts=1, failed_attempts=0, same_failure=False, last_ok=True)


def scene(ladder: LadderEvidence = WELL, self_block: bool = False, **changes: Any) -> PathContext:
    return PathContext(path=path(**changes), ladder=ladder, self_block=self_block)
