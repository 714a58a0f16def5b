"""What the probes of a country met of one target, network by network, in the hours that are judged.

The unit is the probe-hour: one probe, one target, one hour, however many runs it made. Attempts and verdicts of one
probe in one hour are no independent looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from probe_analysis.populations.pooled_cause import find_family, pool_causes

MOSTLY = 0.8
"""Share of probe-hours from which a network counts as struck, or as served."""
ENOUGH_HOURS = 2
"""Probe-hours that a network needs to count on either side: a single look may be chance."""

SETTLED_HOURS = 3
"""So many different hours in which it failed tell an onset from a failure by chance that a pause joins to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The probe-hours of one network that fared alike. Empty sets: it is not known."""

    hours: int = 0
    probes: frozenset[int] = frozenset()
    access: frozenset[str] = frozenset()
    """Kinds of access."""
    instruments: frozenset[str] = frozenset()
    """Versions of the program and its list."""
    addresses: frozenset[str] = frozenset()
    """Addresses of the service that were tried."""
    resolvers: frozenset[str] = frozenset()
    """Who resolved the name: `own` (the network's), `public:NAME`, or an address."""
    first_h: int = -1
    """First hour since 1970 with such a probe-hour; -1: none."""
    last_h: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkView:
    """What one network's probes met of the target in the hours that are judged."""

    asn: int
    struck: Side = field(default_factory=Side)
    """It failed, while something else was reached."""
    served: Side = field(default_factory=Side)
    sick_hours: int = 0
    """Probe-hours in which it failed, and most of what else was tried failed too."""
    alone_hours: int = 0
    """Of the struck probe-hours: nothing else was tried, so nobody knows how the line fared."""
    causes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Cause, named or suspected -> probe-hours."""
    proven: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Cause -> probe-hours in which a run showed that it is not the service."""
    onset_h: int = -1
    """Hour in which the stretch of failures began that reaches into these hours; -1: none."""
    settled_h: int = -1
    """Hour from which on it had failed in several hours of that stretch (SETTLED_HOURS); -1: it never had."""
    earlier: Side = field(default_factory=Side)
    """Probe-hours of the week before the onset, or of these hours before it, in which it was served."""

    struck_before: int = 0
    """Probe-hours of the same time in which it failed."""

    @property
    def hours(self) -> int:
        """Probe-hours that say something."""
        return self.struck.hours + self.served.hours

    @property
    def was_served(self) -> bool:
        """Before the onset its probes were served alike."""
        return _are_most(self.earlier.hours, self.earlier.hours + self.struck_before)

    @property
    def is_struck(self) -> bool:
        """Its probes meet the failure alike."""
        return _are_most(self.struck.hours, self.hours) and not self.is_uneven

    @property
    def is_spared(self) -> bool:
        """Its probes are served alike."""
        return _are_most(self.served.hours, self.hours)

    @property
    def is_uneven(self) -> bool:
        """Some probes are struck and others never, who were looked at as well: so it is not the network. Of a
        resolver's lies, those who ask another one say nothing."""
        spared = self.served.probes - self.struck.probes
        asked, others = self.struck.resolvers, self.served.resolvers
        if not may_share(asked, others) and find_family(pool_causes(self.causes)) in ("lie", "page"):
            return False
        return bool(spared) and len(spared) > (1 - MOSTLY) * len(spared | self.struck.probes)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryView:
    """What the probes of another country met of the target in the same hours."""

    cc: str
    struck_hours: int
    served_hours: int
    served_instruments: frozenset[str] = frozenset()

    @property
    def is_struck(self) -> bool:
        """It fails there for most."""
        return self.struck_hours >= ENOUGH_HOURS and self.struck_hours > self.served_hours

    @property
    def is_served(self) -> bool:
        """It is served there for most."""
        return self.served_hours >= ENOUGH_HOURS and self.served_hours > self.struck_hours


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationEvidence:
    """One target in one network over a range of hours, and everything that it can be held against."""

    own: NetworkView
    peers: tuple[NetworkView, ...] = ()
    """Other networks of the same country."""
    abroad: tuple[CountryView, ...] = ()
    vantages: int = 0
    """Controls in the same country that were served at an address that failed here in the same hours."""
    others_alike: int = 0
    """Other services that are struck in the same network in the same hours."""
    refuses: bool = False
    """The operator is known to refuse the country."""
    fresh: bool = False
    """It rests on names that nobody knew some days before, for want of others: no accusation can."""


def may_share(one: frozenset[str], other: frozenset[str]) -> bool:
    """They have something in common, or nobody knows."""
    return not one or not other or not one.isdisjoint(other)


def _are_most(hours: int, total: int) -> bool:
    """Enough probe-hours fared alike, and hardly any did not."""
    return hours >= ENOUGH_HOURS and hours >= MOSTLY * total
