"""What a busy helper left out is nothing to whoever asked it."""

from __future__ import annotations

import json
from dataclasses import replace

from observations import HERE4, HOST, endpoint
from probe.controls.asking.helper_answer import parse_answer
from probe.core.observations import ControlAnswer
from probe.judge.common.control_probation import find_fault
from probe.judge.path.control_findings import may_leave_out

SITE = endpoint()
BUSY = {"proto": "tls", "host": HOST, "port": 443, "address": HERE4, "reason": "busy"}
NAME = {"proto": "dns", "host": HOST, "operation": "resolve", "addresses": [HERE4]}
PAGE = {"failure": "unknown_error", "x_refused": "busy"}


def read(message: object) -> ControlAnswer:
    """What the client makes of an answer."""
    blank = ControlAnswer(control_id="a", input=SITE.input, state="failed")
    return parse_answer(json.dumps(message).encode(), blank=blank, endpoint=SITE)


def test_what_a_busy_helper_left_out_is_nothing_and_shows() -> None:
    partly = read({"x_endpoints": [NAME, BUSY], "http_request": PAGE})
    assert (partly.state, partly.reason, partly.addresses) == ("answered", "busy", (HERE4,))
    assert (partly.tcp, partly.tls, partly.http_failure) == ((), (), None)
    assert (may_leave_out(partly), may_leave_out(read({"x_endpoints": [NAME]}))) == (True, False)


def test_a_helper_that_had_no_time_at_all_has_refused() -> None:
    nothing = read({"x_endpoints": [BUSY], "http_request": PAGE})
    assert (nothing.state, nothing.reason) == ("refused", "busy")


def test_a_helper_that_is_too_busy_for_a_known_place_is_not_counted() -> None:
    partly = read({"x_endpoints": [NAME, BUSY], "http_request": PAGE})
    assert find_fault(partly, good=(partly.input,), absent=()) == "loaded"
    assert find_fault(replace(partly, reason=""), good=(partly.input,), absent=()) is None
