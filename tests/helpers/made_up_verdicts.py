"""Verdicts on networks that exist only in a table."""

from __future__ import annotations

from typing import Any

from made_up_net import FRAME, Net, walk
from observations import HERE4, WELL, endpoint, site_of
from probe.core.endpoints import Endpoint
from probe.core.verdicts import Verdict
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.verdicts.classify import judge_run
from probe.judge.verdicts.earlier_places import NO_PLACES, EarlierPlaces
from probe.judge.verdicts.site_case import RunContext
from probe.session.observation_log import ObservationLog
from probe.session.planning.plan_context import PlanContext

HONEST: dict[str, tuple[str, ...] | str] = dict.fromkeys(("system", "network", "public", "tcp", "doh"), (HERE4,))


def run_context(ladder: LadderEvidence = WELL, cc: str = "RU") -> RunContext:
    return RunContext(ladder=ladder, quorums={}, cc=cc, private_roots={})


def verdict_on(net: Net, of: Endpoint | None = None, *, context: PlanContext = FRAME, ladder: LadderEvidence = WELL,
               cc: str = "RU", earlier: EarlierPlaces = NO_PLACES) -> Verdict:
    """What a run through `net` says of one endpoint."""
    site, book = site_of(of or endpoint()), ObservationLog("r")
    walk(site, net, context=context, book=book)
    (verdict,), _ = judge_run([book.case(site)], {}, run_context(ladder, cc), earlier=earlier)
    return verdict


def cut(stage: str, failure: str, dns: dict[str, tuple[str, ...] | str] | None = None, **changes: Any) -> Net:
    return Net(dns=dns or HONEST, cuts={HERE4: (stage, failure)}, **changes)
