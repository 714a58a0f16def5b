"""Residual blocking: an innocent name that was served at an address fails there once a forbidden one was asked for.

Told by time: the innocent name must have been served before the failures, and be asked again soon after the last of
them. It says what the failures leave behind, never whether they are censorship: it convicts nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probe.core.observations import Observation
from probe.core.tables.evidence_words import ResidualWord
from probe.core.tables.failures import Failure
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES

SOON_S = 30.0
"""An innocent name that is served later than this after the last failure tells nothing: a short one may be over."""
ENDED: tuple[Failure, ...] = (
    "connection_reset", "eof_error", "generic_timeout_error", "timed_out", "connection_refused", "connection_aborted",
)


AT_ONCE_S = 2.5
"""Within this time after the innocent name was served the name's own failure is put down to the name: in longer ones
somebody behind the same address translator may have set residual blocking off. The name is asked for within two round
trips of the innocent one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualEvidence:
    """What failures at one address and port leave behind. Times are seconds; 0: not known."""

    word: ResidualWord = ""
    """none, seen, unknown, or empty where nobody looked."""
    at_least_s: float = 0.0
    """The innocent name still failed so long after the last trigger."""
    at_most_s: float = 0.0
    """It was served again so long after it; 0: not within the run."""
    since_s: float = 0.0
    """The last trigger, on the run's clock."""

    by_others: bool = False
    """Seen, and the name's failures began too late after the innocent name was served to be its own doing for sure."""

    @property
    def span(self) -> str:
        """`20-40`, `20-` while it lasted, or empty: the form of the column."""
        if self.word != "seen":
            return ""
        return f"{self.at_least_s:.0f}-{self.at_most_s:.0f}" if self.at_most_s else f"{self.at_least_s:.0f}-"


NO_RESIDUAL_EVIDENCE = ResidualEvidence()
"""Nobody looked."""


def select_failures(visits: Sequence[Observation], address: str, port: int) -> list[Observation]:
    """The site's own failures above TCP at an address, in order."""
    return [o for o in visits if (o.address, o.port) == (address, port) and o.purpose in NETWORK_PURPOSES
            and o.operation != "connect" and o.failure in ENDED]


def has_reached_innocent(around: Sequence[Observation], address: str, port: int, *, before_s: float) -> bool:
    """Whether the innocent name was served at the address before that moment."""
    return any(_is_served(o) and o.purpose == "innocent" and o.t_s <= before_s
               for o in around if (o.address, o.port) == (address, port))


def _is_served(seen: Observation) -> bool:
    return seen.operation != "connect" and not seen.failure


def gather_residual_evidence(visits: Sequence[Observation], around: Sequence[Observation],
                             searches: Sequence[Observation], address: str, port: int) -> ResidualEvidence:
    """What is known of residual blocking at `address`; `searches` for the hop are triggers, too."""
    failures = select_failures(visits, address, port)
    tries = _tries([o for o in around if o.purpose == "residual" and (o.address, o.port) == (address, port)])
    if not failures or not tries:
        return NO_RESIDUAL_EVIDENCE
    if not has_reached_innocent(around, address, port, before_s=failures[-1].t0_s):
        return ResidualEvidence(word="unknown")
    triggers = [o.t_s for o in failures]
    triggers += [o.t_s for o in searches if (o.address, o.port) == (address, port) and o.hostname]
    first = tries[0]
    last_before = max((t for t in triggers if t <= first.t0_s), default=0.0)
    if _is_served(first):
        return ResidualEvidence(word="none" if first.t0_s - last_before <= SOON_S else "unknown")
    if first.failure not in ENDED:
        return ResidualEvidence(word="unknown")
    gaps = [(o, o.t0_s - max((t for t in triggers if t <= o.t0_s), default=o.t0_s)) for o in tries]
    at_least_s = max(gap for o, gap in gaps if o.failure)
    over = [gap for o, gap in gaps if _is_served(o) and gap > at_least_s]
    served = [o.t_s for o in around if o.purpose == "innocent" and _is_served(o) and (o.address, o.port) == (
        address, port)]
    at_once = any(0 <= o.t0_s - t <= AT_ONCE_S for o in failures for t in served)
    return ResidualEvidence(word="seen", at_least_s=at_least_s, at_most_s=min(over, default=0.0), since_s=max(triggers),
                            by_others=not at_once)


def _tries(asked: Sequence[Observation]) -> list[Observation]:
    """The operation with which each visit ended."""
    ends: dict[int, Observation] = {}
    for seen in asked:
        ends[seen.attempt] = seen
    return [ends[n] for n in sorted(ends)]
