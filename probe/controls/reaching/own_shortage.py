"""What this machine lacks says nothing of whom it would have asked."""

from __future__ import annotations

import socket

from probe.controls.reaching.reach_plan import ReachResult
from probe.core.tables.control_sources import BUSY
from probe.core.tables.failures import SHORTAGES, classify_failure
from probe.core.tables.operations import Operation


def explain_no_connection(operation: Operation, error: OSError) -> ReachResult:
    """What it means that no connection came about: a failure there, or nothing, where it was for want of ours."""
    if is_shortage(error):
        return ReachResult(reason=BUSY)
    return ReachResult(operation=operation, failure=classify_failure(error))


def is_shortage(error: BaseException) -> bool:
    """Whether an error tells of our own end alone."""
    return isinstance(error, OSError) and error.errno in SHORTAGES


def is_out_of_sockets(family: int) -> bool:
    """Whether no socket can be made for now; `family` is 4 or 6. False for one that this system lacks altogether."""
    try:
        socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM).close()
    except OSError as error:
        return is_shortage(error)
    return False
