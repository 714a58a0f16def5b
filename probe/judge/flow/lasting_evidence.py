"""What becomes of connections to a service once they were answered: they freeze, are cut, lose packets, or end late."""

from __future__ import annotations

from dataclasses import dataclass, field

from probe.judge.flow.foreign_flows import UNASKED, ForeignFlows
from probe.judge.flow.freezes import Freezes
from probe.judge.flow.loss_evidence import LOSSLESS, LossEvidence
from probe.judge.flow.passed_volume import NOTHING_PASSED, PassedVolume
from probe.judge.flow.record_evidence import NO_RECORDS, RecordEvidence
from probe.judge.flow.slow_pages import NO_SLOW_PAGES, SlowPages
from probe.judge.flow.stay_evidence import NO_STAYS, StayEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class LastingEvidence:
    """Of one address of one endpoint, and of its site."""

    cut: int = 0
    """Connections of the site that named it and were reset, at any of its addresses, transfers among them."""
    hushed: bool = False
    """The last attempt's page came whole, and what was said after it was never acknowledged."""
    freezes: Freezes = field(default_factory=Freezes)
    """Transfers under the site's name, at whichever address, that fell silent where boxes freeze them."""
    loss: LossEvidence = LOSSLESS
    """What connections to the service in this network lose, beside those to others."""
    stay: StayEvidence = NO_STAYS
    """What became of connections to this address that were kept for a while."""
    pages: SlowPages = NO_SLOW_PAGES
    """How many of its pages took long beside those of others."""
    passed: PassedVolume = NOTHING_PASSED
    """The most that came on one connection to this address."""
    records: RecordEvidence = NO_RECORDS
    """What became of small records on connections to this address."""
    foreign: ForeignFlows = UNASKED
    """How transfers under the site's name fared at helpers."""
