"""What this machine lacks says nothing of whom it would have asked."""

from __future__ import annotations

from probe.controls.reaching.public_addresses import is_shortage
from probe.core.tables.control_sources import BUSY
from probe.core.tables.failures import classify_failure
from probe.core.tables.operations import Operation
from probe_operate.reaching.reach_plan import ReachResult


def explain_no_connection(operation: Operation, error: OSError) -> ReachResult:
    """What it means that no connection came about: a failure there, or nothing, where it was for want of ours."""
    if is_shortage(error):
        return ReachResult(reason=BUSY)
    return ReachResult(operation=operation, failure=classify_failure(error))
