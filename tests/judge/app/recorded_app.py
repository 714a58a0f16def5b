"""One recording for each rule over messengers' own first words."""

from __future__ import annotations

from typing import Any

from observations import EOF, RESET, TIMEOUT, WELL
from path_scenes import CONTRARY, FAILS_TOO, SERVED, scene
from probe.judge.app.app_evidence import AppEvidence
from probe.judge.hops.hop_evidence import HopLocation
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.path.path_context import PathContext
from program_scenes import SOONER

NEARER = HopLocation(least=2, most=2, where="before")


def app(ladder: LadderEvidence = WELL, *, said: dict[str, Any] | None = None, **changes: Any) -> PathContext:
    """Three attempts to say a messenger's first words in the clear, which failed alike."""
    evidence = AppEvidence(**{"protocol": "mtproto", "innocent": "reached"} | (said or {}))
    plain: dict[str, Any] = dict(kind="app", stage="app", secure=False, attempts=3, failed_attempts=3)
    return scene(ladder, **plain | changes, app=evidence)


APPS: dict[str, PathContext] = {
    "app/answered": app(said=dict(proof="answered"), **SERVED | {"stage": ""}),
    "app/changed_for_all": app(said=dict(proof="foreign", heard=True, control_foreign=2), controls_asked=2,
                               controls_answered=2),
    "app/controls_fail_too": app(said=dict(control_failed=2), failure=EOF, **FAILS_TOO),
    "app/drop_protocol_control": app(said=dict(control_proven=2), failure=TIMEOUT, acked="no", **CONTRARY),
    "app/drop_protocol": app(said=dict(innocent="carried"), failure=TIMEOUT, acked="no"),
    "app/mute_protocol": app(said=dict(control_proven=2), failure=TIMEOUT, acked="yes", **CONTRARY),
    "app/reset_protocol": app(said=dict(control_proven=1), failure=RESET, **CONTRARY),
    "app/reset_nearer": app(said=dict(innocent="carried"), failure=RESET, timing=SOONER),
    "app/mute_nearer": app(said=dict(innocent="carried"), failure=TIMEOUT, acked="yes", located=NEARER),
    "app/closed_nearer": app(said=dict(innocent="carried"), failure=EOF, timing=SOONER),
    "app/foreign_answer": app(said=dict(proof="foreign", heard=True, control_proven=2), **CONTRARY),
    "app/closed_on_us": app(said=dict(control_proven=2), failure=EOF, **CONTRARY),
}
