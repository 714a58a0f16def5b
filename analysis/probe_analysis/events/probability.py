"""How probable it is that a window of failures is a block: from its counts, and from what nobody could be asked.

By Bayes' rule from a prior that is stated, not learnt: `BLOCKS_A_YEAR` blocks on a network in a year, over all its
services. Against it stand the windows that noise alone gives at such a score, S x C x score x exp(-score) in a year
with S series and C cells (the bound by which windows are found, `probe_analysis.events.series_windows`), and a share of
real failures that have another cause, for every cause that was not ruled out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from probe_analysis.tables.event_checks import EventCheck

BLOCKS_A_YEAR = 1.0
"""Of one network, over all its services: the prior. Whoever believes another multiplies the odds by their ratio."""
OPEN: Mapping[EventCheck, float] = {
    "network": 0.03, "service_or_instrument": 0.05, "one_device": 0.03, "one_interval": 0.3, "version": 0.01,
    "refusal": 0.4,
}
"""Share of failures of a service, beyond chance, that are due to a cause about which nobody could be asked."""
DOUBT = 0.4
"""The same of a cause that something speaks for."""
OTHER = 0.015
"""Share of what passes every check and is no block all the same: made-up fleets show about as many."""


def estimate_probability(score: float, looks: float, unasked: Iterable[EventCheck],
                         doubts: Iterable[EventCheck]) -> float:
    """Probability of a block with such a score (nats), where a year has `looks` cells in all series."""
    chance = math.log(max(1.0, looks)) + math.log(max(1.0, score)) - score
    value = (1 - OTHER) / (1 + math.exp(min(chance, 700.0)) / BLOCKS_A_YEAR)
    for word in unasked:
        value *= 1 - OPEN.get(word, 0.0)
    for _ in doubts:
        value *= 1 - DOUBT
    return round(value, 3)
