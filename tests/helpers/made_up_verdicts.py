"""Verdicts on networks that exist only in a table."""

from __future__ import annotations

from typing import Any

from made_up_net import FRAME, Net, walk
from observations import HERE4, WELL, endpoint, site_of
from probe.core.endpoints import Endpoint
from probe.core.verdicts import Verdict
from probe.inference.evidence.ladder_evidence import LadderEvidence
from probe.inference.verdicts.classify import judge
from probe.inference.verdicts.site_case import RunContext
from probe.measurement.planning.plan_context import Frame
from probe.measurement.session.observation_log import Book

HONEST: dict[str, tuple[str, ...] | str] = dict.fromkeys(("system", "network", "public", "tcp", "doh"), (HERE4,))


def run_context(ladder: LadderEvidence = WELL, cc: str = "RU") -> RunContext:
    return RunContext(ladder=ladder, quorums={}, cc=cc, private_roots={})


def verdict_on(net: Net, of: Endpoint | None = None, *, frame: Frame = FRAME, ladder: LadderEvidence = WELL,
               cc: str = "RU") -> Verdict:
    """What a run through `net` says of one endpoint."""
    site, book = site_of(of or endpoint()), Book("r")
    walk(site, net, frame=frame, book=book)
    (verdict,), _ = judge([book.case(site)], {}, run_context(ladder, cc))
    return verdict


def cut(stage: str, failure: str, dns: dict[str, tuple[str, ...] | str] | None = None, **changes: Any) -> Net:
    return Net(dns=dns or HONEST, cuts={HERE4: (stage, failure)}, **changes)
