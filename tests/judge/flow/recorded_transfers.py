"""One recording for each rule over transfers: services that answer, and what their transfers show."""

from __future__ import annotations

from typing import Any

from path_scenes import SERVED, scene
from probe.judge.flow.flow_evidence import FlowComparison, FlowEvidence
from probe.judge.flow.freezes import Freezes
from probe.judge.flow.slow_pages import SlowPages
from probe.judge.path.path_context import PathContext

TRICKLES: dict[str, Any] = dict(samples=4, trickles=True)
SLOW_HERE: dict[str, Any] = dict(elsewhere=FlowComparison(others=4, slower=True))
SLOWER_NAME: dict[str, Any] = dict(innocent=FlowComparison(others=4, slower=True))
STOPS_EARLY: dict[str, Any] = dict(early_stalls=4, elsewhere_passes=3, later_pass=True)
STOPS: dict[str, Any] = dict(stalls=4, tries=5, clean=True, stall_chance=0.01, elsewhere_passes=3, later_pass=True)


def flowing(**flow: Any) -> PathContext:
    """A service that answers, and what its transfers show."""
    return scene(proven=True, status=200, met="yes", **SERVED, flow=FlowEvidence(**flow))


TRANSFERS: dict[str, PathContext] = {
    "flow/slowed_by_name": flowing(**TRICKLES, **SLOWER_NAME, same_answer=True),
    "flow/slowed_by_name_control": flowing(**TRICKLES, **SLOWER_NAME, controls_fast=1),
    "flow/slowed_address": flowing(**TRICKLES, **SLOW_HERE, policed=True, innocent_slow=True, controls_fast=1),
    "flow/slowed": flowing(**TRICKLES, **SLOW_HERE, policed=True, controls_fast=1),
    "flow/frozen_by_packets": flowing(**STOPS, controls_fast=1, pieces_stalled=1),
    "flow/frozen_by_bytes": flowing(**STOPS, controls_fast=1, pieces_passed=1),
    "flow/frozen": flowing(**STOPS, controls_fast=1),
    "flow/slow_undecided": flowing(**TRICKLES, **SLOW_HERE),
    "flow/slow_too_few": flowing(samples=2, trickles=True, own_slow=True),
    "flow/frozen_undecided": flowing(**STOPS),
    "flow/slow_pages": scene(pages=SlowPages(made=3, slow=3), **SERVED),
    "flow/dead_after_the_page": scene(proven=True, status=200, met="yes", **SERVED, flow=FlowEvidence(dead=2)),
    "flow/cut_at_times": scene(proven=True, status=200, met="yes", **SERVED, cut=2),
    "flow/frozen_at_times": scene(proven=True, status=200, met="yes", **SERVED,
                                   freezes=Freezes(froze=1, tries=4, looked=True)),
    "flow/silent_after_the_page": scene(proven=True, status=200, met="yes", **SERVED, hushed=True),
}
