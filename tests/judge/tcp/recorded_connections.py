"""One recording for each rule over attempts to connect."""

from __future__ import annotations

from observations import REFUSED, TIMEOUT
from path_scenes import CONTRARY, FAILS_TOO, FORGED, scene
from probe.judge.path.path_context import PathContext
from probe.store.text_forms import read_icmp

CONNECTIONS: dict[str, PathContext] = {
    "ip/controls_refused_too": scene(stage="connect", failure=REFUSED, **FAILS_TOO),
    "ip/controls_fail_too": scene(stage="connect", failure=TIMEOUT, **FAILS_TOO),
    "ip/control_fails_and_lost_far": scene(stage="connect", failure=TIMEOUT, lost="far", controls_asked=1,
                                           controls_answered=1, controls_failed=1),
    "ip/control_fails_and_refused_far": scene(stage="connect", failure=REFUSED, lost="far", controls_asked=1,
                                              controls_answered=1, controls_failed=1),
    "ip/lost_here_and_elsewhere": scene(stage="connect", failure=TIMEOUT, lost="near", **FAILS_TOO),
    "ip/prohibited": scene(stage="connect", failure="host_unreachable", icmp=read_icmp("3/13 public"), lost="near",
                           **CONTRARY),
    "ip/unreachable_here_only": scene(stage="connect", failure="host_unreachable", icmp=read_icmp("3/1 public"),
                                      lost="near", **CONTRARY),
    "ip/reset_on_the_way": scene(stage="connect", failure=REFUSED, lost="near", **CONTRARY),
    "ip/reset_injected": scene(stage="connect", failure=REFUSED, lost="unknown", **FORGED, **CONTRARY),
    "tcp/port_vanishes": scene(stage="connect", failure=TIMEOUT, lost="near", other_port="closed", **CONTRARY),
    "ip/vanishes": scene(stage="connect", failure=TIMEOUT, lost="near", other_port="silent", **CONTRARY),
    "ip/lost_close_to_the_service": scene(stage="connect", failure=TIMEOUT, lost="far", other_port="silent",
                                          **CONTRARY),
    "ip/lost_somewhere": scene(stage="connect", failure=REFUSED, lost="unknown", **CONTRARY),
}
