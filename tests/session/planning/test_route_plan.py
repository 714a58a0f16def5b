"""The way is traced to where connections end sooner than the service can answer, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import pytest

from made_up_net import FRAME
from observations import HOST, THERE4, endpoint, site_of
from probe.core.observations import Observation
from probe.instruments.steps import TcpTrace
from probe.session.planning.plan_context import SiteHistory
from probe.session.planning.route_plan import plan_route_traces
from timed_connections import HERE, TRIP_MS, innocent, three

SITE = site_of(endpoint(f"https://{HOST}/"))


def history(visits: Sequence[Sequence[Observation]], around: Sequence[Sequence[Observation]]) -> SiteHistory:
    return SiteHistory(visits=tuple(chain(*visits)), around=tuple(chain(*around)),
                       elsewhere=((THERE4, 443), ("2001:db8::1", 443)))


def test_early_ends_are_traced_beside_others_of_the_family() -> None:
    steps = plan_route_traces(SITE, history(three(), [innocent()]), FRAME)
    assert [(s.purpose, s.address) for s in steps if isinstance(s, TcpTrace)] == [
        ("route", HERE), ("reference", THERE4)]


def test_each_family_has_its_own_trace() -> None:
    """One guard serves both; which ends are traced may not be left to which address came first."""
    six = "2001:db8:9::1"
    both = [*three(), *([replace(o, address=six, family=6) for o in connection] for connection in three())]
    beside = [innocent(), [replace(o, address=six, family=6) for o in innocent()]]
    numbered = [[replace(o, sequence=n) for o in made] for n, made in enumerate(both)]
    steps = plan_route_traces(SITE, history(numbered, beside), FRAME)
    assert [(s.purpose, s.address) for s in steps if isinstance(s, TcpTrace)] == [
        ("route", HERE), ("route", six), ("reference", THERE4), ("reference", "2001:db8::1")]


@pytest.mark.parametrize(("visits", "around"), [
    (three(end_ms=TRIP_MS + 2), [innocent()]),
    (three(end_ms=TRIP_MS + 2, failure=""), [innocent()]),
    (three()[:2], [innocent()]),
    (three(), []),
    ([], [innocent()]),
], ids=["at the round trip", "served", "two attempts", "no round trip of data is known", "nothing failed"])
def test_nothing_else_is(visits: list[list[Observation]], around: list[list[Observation]]) -> None:
    assert plan_route_traces(SITE, history(visits, around), FRAME) == []
