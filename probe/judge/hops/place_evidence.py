"""Where and by whom attempts were ended: what searches, times and packets say of it."""

from __future__ import annotations

from dataclasses import dataclass

from probe.core.tables.evidence_words import Elsewhere
from probe.judge.hops.hop_evidence import NOWHERE, HopLocation
from probe.judge.packets.end_timing import UNTIMED, EndTiming
from probe.judge.packets.packet_anatomy import UNSEEN, PacketAnatomy


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceEvidence:
    """Of one address of one endpoint."""

    located: HopLocation = NOWHERE
    """The hop at which the name is interfered with."""
    located_by_name: HopLocation = NOWHERE
    """The same at whichever of the site's addresses it was looked for: one search is enough for a name."""
    located_alike: HopLocation = NOWHERE
    """The same for another name of the owner's that fails in the same way, where nobody looked for this one."""
    elsewhere_alike: Elsewhere = ""
    """What such a name met at servers of other owners, where this one was not sent there."""
    timed_alike: bool = False
    """Another name of the owner's, or this one at another address, ends sooner than the service can answer."""
    anatomy: PacketAnatomy = UNSEEN
    """What captured packets say of who ended the failing attempts."""
    timing: EndTiming = UNTIMED
    """How soon they were answered or ended, against the round trips at the address."""

    @property
    def searched(self) -> tuple[HopLocation, ...]:
        """Where searches show that it is interfered with; what was looked for nearest to this very path comes first."""
        return self.located, self.located_by_name, self.located_alike

    @property
    def ends_too_soon(self) -> bool:
        """Its attempts ended before the service can have spoken, or others' alike, and its own times allow it."""
        other = self.timing.where == "unknown" or (self.timing.attempts and not self.timing.sooner)
        return self.timing.is_before_door or (self.timed_alike and not other)

    @property
    def may_be_door(self) -> bool:
        """A search found the place, and it may be a guard of the service's own, who can stand well before it."""
        return any(place.where == "door" for place in self.searched)

    @property
    def is_before_door(self) -> bool:
        """A search found the place, where paths to other owners pass as well."""
        return any(place.where == "before" for place in self.searched)
