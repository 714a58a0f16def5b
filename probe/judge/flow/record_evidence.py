"""What became of small records on connections that worked: were all acknowledged, or none after some packets?

A box that freezes a flow after a number of packets leaves no other trace at a host whose pages are small. What is
looked at is silence alone. An end by the server, early or late and in whatever form, is how servers guard themselves
against slow requests, and counts for nothing here. A server's own guard may also fall silent; so silence tells only
where an innocent name, at the same address and in turns with it, got every record acknowledged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from probe.core.observations import Observation
from probe.core.tables.failures import TIMEOUTS
from probe.core.tables.purposes import Purpose
from probe.judge.flow.transfer_evidence import has_alike_sizes

RECORDS: Final[Purpose] = "records"
ENOUGH = 3
"""Connections of its own that must fall silent, all of them: one may have met a bad moment."""
ENOUGH_BESIDE = 2
UNDER_WAY = 12
"""Packets by which counts may differ: as many may be under way, records and acknowledgements of them, when it freezes.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEvidence:
    """The service's own connections at one address, and innocent ones there."""

    made: int = 0
    """Own ones that tell: all records were acknowledged, or silence came."""
    silent: int = 0
    froze_at: tuple[int, ...] = ()
    """Of each silent one the packets both ways when the last acknowledged record had left."""
    passed_beside: int = 0
    silent_beside: int = 0
    asked: int = 0
    """Own ones that were tried, also those that ended otherwise or never came so far."""
    asked_beside: int = 0

    @property
    def is_doubtful(self) -> bool:
        """Silence came, and it does not look like one bad moment."""
        return self.silent > 0 and (self.silent > 1 or self.made - self.silent < ENOUGH - 1)

    @property
    def is_shown(self) -> bool:
        """Every own connection falls silent after about as many packets, and innocent ones there pass."""
        apart = max(self.froze_at, default=0) - min(self.froze_at, default=0)
        alike = apart <= UNDER_WAY or has_alike_sizes(self.froze_at)
        return (self.silent == self.made >= ENOUGH and alike
                and self.passed_beside >= ENOUGH_BESIDE and not self.silent_beside)


NO_RECORDS = RecordEvidence()
"""None were sent."""


def is_silent(seen: Observation) -> bool:
    """Whether a connection's small records were no longer acknowledged."""
    return seen.operation == RECORDS and seen.failure in TIMEOUTS


def gather_record_evidence(turns: Sequence[Observation], host: str, address: str, port: int) -> RecordEvidence:
    """`turns`: all rows for the sake of a site, in any order; those of other looks, and of other places, are left
    out."""
    here = [o for o in turns if o.purpose == RECORDS and (o.address, o.port) == (address, port)]
    own = [o for o in here if o.operation == RECORDS and o.hostname == host]
    beside = [o for o in here if o.operation == RECORDS and o.hostname != host]
    silent = [o for o in own if is_silent(o)]
    return RecordEvidence(
        made=len(silent) + sum(not o.failure for o in own), silent=len(silent),
        froze_at=tuple(o.tcp.segments for o in silent),
        passed_beside=sum(not o.failure for o in beside),
        silent_beside=sum(map(is_silent, beside)),
        asked=len({o.attempt for o in here if o.hostname == host}),
        asked_beside=len({o.attempt for o in here if o.hostname != host}))
