"""Events and what many probes say together are one account: the log has the status."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from look_findings import BEGAN, NOW, finding, look, network
from probe.core.stamps import format_time
from probe_analysis.look.look_sentences import make_claims, make_sentences
from probe_analysis.look.one_account import leave_told, take_status

LATER = NOW + timedelta(days=30)


def row(**values: Any) -> dict[str, Any]:
    return {"service": "whatsapp", "role": "chat", "probe_asn": 25513, "onset": format_time(BEGAN),
            "last": format_time(BEGAN + timedelta(hours=3)), "outcome": "blocked"} | values


@pytest.mark.parametrize(("values", "told"), [
    ({}, True), ({"outcome": "inconclusive"}, True), ({"probe_asn": 12389}, False), ({"role": "web"}, False),
    ({"service": "signal"}, False), ({"onset": format_time(LATER), "last": format_time(LATER)}, False)])
def test_what_an_event_tells_is_told_by_the_event_alone(values: dict[str, Any], told: bool) -> None:
    event = finding(service="whatsapp", roles=("chat",), networks=(network(25513),))
    assert leave_told([row(**values)], [event]) == ([] if told else [row(**values)])
    assert leave_told([row(**values)], [replace(event, kind="network", service="")]) == [row(**values)]
    assert leave_told([row(**values)], []) == [row(**values)]


@pytest.mark.parametrize(("status", "basis"), [("confirmed", "contrast"), ("suspected", "")])
def test_what_no_event_tells_is_a_suspicion(status: Any, basis: str) -> None:
    found = finding(kind="population", status=status, probability=None, basis=basis)
    shown = take_status(found)
    assert (shown.status, shown.basis) == ("suspected", basis)
    assert make_claims(look(shown)) == []
    said, before = ([one.text for one in make_sentences(look(each)) if one.topic == "sure"] for each in (shown, found))
    assert (said != before) is (status == "confirmed")
