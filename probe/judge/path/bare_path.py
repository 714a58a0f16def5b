"""What is known of a path without anybody elsewhere."""

from __future__ import annotations

from dataclasses import replace

from probe.judge.http.refusal_evidence import NO_ANSWERS
from probe.judge.path.control_evidence import NO_CONTROLS
from probe.judge.path.path_evidence import PathEvidence


def without_controls(path: PathEvidence) -> PathEvidence:
    """What would be known had no control been asked."""
    return replace(
        path, controls=NO_CONTROLS, tls=replace(path.tls, same_key=0, other_key=0),
        http=replace(path.http, page_same=0, page_differs=0, redirects_alike=0, elsewhere=NO_ANSWERS),
        app=replace(path.app, control_proven=0, control_foreign=0, control_failed=0),
        flow=replace(path.flow, controls_fast=0, controls_slow=0))
