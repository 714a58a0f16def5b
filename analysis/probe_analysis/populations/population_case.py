"""A population's evidence, sorted: what is struck alike, what is struck in another way, and what is spared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from probe.core.tables.block_types import CauseId
from probe_analysis.populations.comparison import is_comparable, merge_sides
from probe_analysis.populations.pooled_cause import Family, find_family, is_of_name, pool_causes
from probe_analysis.populations.population_evidence import NetworkView, PopulationEvidence, Side

LASTING_H = 24
"""A lost route is mended, and a ban is over, within so many hours, mostly: what strikes an address and not a name
counts from then on alone."""
LEAST_COUNTRIES, COUNTRY_SHARE = 2, 0.5
"""Other countries in which it fails as well, and their share of those that were heard: the service is out of order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationCase:
    """What rules read."""

    evidence: PopulationEvidence
    cause: CauseId
    """What the network's own probes agree on, and the peers that are struck alike, as deep as they do."""
    alike: tuple[NetworkView, ...]
    """The network itself first, and those of its country that are struck in the same way."""
    otherwise: Mapping[Family, tuple[NetworkView, ...]]
    """Networks of its country that are struck in other ways."""
    spared: tuple[NetworkView, ...]
    """Networks of its country that are served in the same hours, and can be compared."""

    @property
    def lasting(self) -> tuple[NetworkView, ...]:
        """Those that are struck alike for long enough for their sort of cause."""
        return tuple(view for view in self.alike if is_of_name(self.cause) or _lasts(view))

    @property
    def fails_abroad(self) -> bool:
        """It fails in most other countries as well."""
        heard = [view for view in self.evidence.abroad if view.is_struck or view.is_served]
        struck = sum(view.is_struck for view in heard)
        return struck >= LEAST_COUNTRIES and struck >= COUNTRY_SHARE * len(heard)

    @property
    def struck(self) -> Side:
        """All probe-hours that are struck alike."""
        return merge_sides(view.struck for view in self.alike)


def sort_population(evidence: PopulationEvidence) -> PopulationCase:
    """Sort the networks of a country by how they fare beside the one that is judged."""
    own = evidence.own
    own_cause = pool_causes(own.causes)
    family = find_family(own_cause)
    struck: dict[Family, list[NetworkView]] = {}
    for view in evidence.peers:
        if view.is_struck and (cause := pool_causes(view.causes)):
            struck.setdefault(find_family(cause), []).append(view)
    alike = (own, *struck.pop(family, ()))
    cause = own_cause and (pool_causes(_add_causes(view.causes for view in alike)) or own_cause)
    whole = merge_sides(view.struck for view in alike)
    return PopulationCase(
        evidence=evidence, cause=cause, alike=alike,
        otherwise={name: tuple(views) for name, views in struck.items()},
        spared=tuple(view for view in evidence.peers
                     if view.is_spared and is_comparable(whole, view.served, cause)))


def _add_causes(parts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for causes in parts:
        total.update(causes)
    return total


def _lasts(view: NetworkView) -> bool:
    return view.struck.last_h - view.struck.first_h >= LASTING_H
