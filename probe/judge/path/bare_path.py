"""What is known of a path without anybody elsewhere."""

from __future__ import annotations

from dataclasses import replace

from probe.judge.http.refusal_evidence import NO_ANSWERS
from probe.judge.path.path_evidence import PathEvidence


def without_controls(path: PathEvidence) -> PathEvidence:
    """What would be known had no control been asked."""
    return replace(
        path, controls_asked=0, controls_answered=0, control_networks=0, control_same_country=0, control_here=0,
        control_ok=0, control_failed=0, control_same_key=0, control_other_key=0, control_page_same=0,
        control_page_differs=0, control_redirects_alike=0, elsewhere=NO_ANSWERS,
        app=replace(path.app, control_proven=0, control_foreign=0, control_failed=0),
        flow=replace(path.flow, controls_fast=0, controls_slow=0))
