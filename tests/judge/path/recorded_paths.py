"""One recording for each rule over paths of any protocol."""

from __future__ import annotations

from dataclasses import replace

from observations import REFUSED, RESET, TIMEOUT, WELL
from path_scenes import CONTRARY, ONE_ATTEMPT, SERVED, scene
from probe.judge.network.allowlist_evidence import AllowlistEvidence
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.path.path_context import PathContext

OF_ANY: dict[str, PathContext] = {
    "path/not_attempted": scene(attempts=0, failed_attempts=0),
    "path/stays_closed": scene(kind="tcp", must_not_answer=True, stage="connect", failure=REFUSED),
    "path/answers_for_everybody": scene(kind="tcp", must_not_answer=True, **SERVED),
    "path/not_on_the_list": scene(replace(WELL, allowlist=AllowlistEvidence(way="name", far_apart=True)), stage="tls",
                                  failure=RESET),
    "path/list_or_outage": scene(replace(WELL, allowlist=AllowlistEvidence(way="address")), stage="connect",
                                 failure=TIMEOUT),
    "path/abroad_is_cut_off": scene(LadderEvidence(domestic_ok=1, foreign_failed=4), stage="connect",
                                    failure=TIMEOUT),
    "path/ipv6_broken": scene(replace(WELL, ipv6="broken"), family=6, stage="connect", failure=TIMEOUT),
    "path/looked_at_only": scene(**SERVED | {"depth": 1}),
    "path/connects": scene(kind="tcp", secure=False, **SERVED),
    "path/mixed": scene(attempts=3, failed_attempts=2, last_ok=True),
    "path/large_answers_lost": scene(replace(WELL, full_segments=False, stalled=3, hushed=True), stage="tls",
                                     failure=TIMEOUT, acked="yes"),
    "path/tainted": scene(stage="tls", failure=RESET, tainted=True, **CONTRARY),
    "path/too_few": scene(stage="tls", failure=RESET, **ONE_ATTEMPT, **CONTRARY),
    "path/control_fails_too": scene(stage="tls", failure=RESET, controls_asked=1, controls_answered=1,
                                    controls_failed=1),
    "path/no_control": scene(stage="tls", failure=RESET),
    "path/control_failed": scene(stage="tls", failure=RESET, controls_asked=1),
    "path/unexplained": scene(stage="tls", failure="ssl_error: wrong version number", **CONTRARY),
}
