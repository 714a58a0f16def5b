"""A verdict on one endpoint, with the rules that held on the way to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from probe.core.endpoints import Endpoint
from probe.core.tables.outcomes import Outcome
from probe.core.verdicts import Verdict
from probe.judge.common.rule import Decision
from probe.judge.path.path_evidence import PathEvidence

PathVerdict = tuple[PathEvidence, Verdict]
"""One address of an endpoint, and what a rule says of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedEndpoint:
    """What a run says of one endpoint; those of a target make its verdict, those of a role the role's."""

    endpoint: Endpoint
    verdict: Verdict
    by_family: tuple[tuple[int, Outcome], ...] = ()
    """(address family, what came of the endpoint's addresses of that family)."""
    decisions: tuple[Decision[Any], ...] = ()
    """Which rules held, of the network, the name and each path, as far as they were asked."""
