"""When public networks are asked: of what failed throughout, and of nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from made_up_net import FRAME, Net
from observations import HERE4, NEAR4, RESET, TIMEOUT, site_of
from probe.instruments.steps import AskControl
from probe.session.planning.control_plan import plan_probation
from test_plan import HONEST, asked, in_any_order, visits

PUBLIC = replace(FRAME, controls=(), public=("world",), known_good=("https://good.example/",),
                 known_absent=("tcpconnect://absent.example:81",))


@pytest.mark.parametrize("net", [
    Net(dns=HONEST), Net(dns=HONEST, page={"status": 403, "met_expectation": "no"}),
    Net(dns={**HONEST, "system": (HERE4, NEAR4), "network": (HERE4, NEAR4)}, cuts={NEAR4: ("connect", TIMEOUT)}),
])
def test_a_public_network_is_asked_of_nothing_that_works_anywhere(net: Net) -> None:
    for taken in in_any_order(site_of(), net, PUBLIC):
        assert asked(taken) == []


def test_a_public_network_is_asked_once_an_endpoint_has_failed_twice() -> None:
    for taken in in_any_order(site_of(), Net(dns=HONEST, cuts={HERE4: ("tls", RESET)}), PUBLIC):
        (ask,) = (s for s in taken if isinstance(s, AskControl))
        assert (ask.control_id, ask.addresses) == ("world", (HERE4,))
        before = taken[:taken.index(ask)]
        assert len(visits(before, "target")) >= 2


def test_a_public_network_is_tried_with_what_is_shut_alone() -> None:
    assert [s.input for s in plan_probation("world", [], PUBLIC)] == ["tcpconnect://absent.example:81"]
