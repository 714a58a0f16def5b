"""Which explanation of a row is the true one, as the truth log and the scenario have it. Pure."""

from __future__ import annotations

from probe.core.tables.odds_words import Cause
from probe_lab.lab_types import DrawnScenario
from probe_lab.servers.faults import FAULTS

_OF_OUTCOMES: dict[str, Cause] = {"ok": "ok", "down": "service", "network": "network", "local": "local"}
_OF_THE_LINE = ("client", "resolver")
"""Layers of faults that are the household's or the provider's, not the service's."""


def find_true_cause(drawn: DrawnScenario, expected: tuple[str, ...], outcome: str, acted: frozenset[str]) -> Cause:
    """`expected`: outcomes that are right; `outcome`: the one that was given; `acted`: block types of all censorship
    that acted on the target. Where several outcomes are right, the one that was given is believed if it is `ok`, and
    otherwise whoever the scenario says is at fault."""
    heads = {cause.partition(".")[0] for cause in acted}
    if heads:
        return "network" if "network" in heads else "local" if "local" in heads else "blocked"
    outcomes = {_OF_OUTCOMES[word] for word in expected if word in _OF_OUTCOMES}
    if outcome == "ok" and "ok" in outcomes:
        return "ok"
    failing = outcomes - {"ok"} or outcomes
    if len(failing) == 1:
        return failing.pop()
    if "network" in failing:
        return "network"
    of_line = any(FAULTS[fault.kind].layer in _OF_THE_LINE for fault in drawn.faults)
    return "local" if not drawn.fronts and ("local" in failing or of_line) else "service"
