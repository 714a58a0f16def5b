"""How often a service works: the connections that were planned beforehand, whatever those before them met.

What a failure sets off is kept apart: where more is tried because something failed, the share of failures is too high.
The share is over source ports, since each connection has its own: a box, and a balancer, may draw by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.core.planned_shares import MOST_PLANNED, read_share
from probe.core.tables.purposes import Purpose
from probe.core.translation import say
from probe.judge.common.rank_tests import binomial_tail
from probe.judge.common.visit_outcomes import list_failed_inputs

SPANS_S = (10.0, 60.0)
"""A look that lasts so long has seen that much more than one moment."""
_LEVEL = 0.025
_DEVIATIONS = 1.96
_STEPS = 40
_SHAPED: tuple[Purpose, ...] = ("shape", "program")

@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLooks:
    """The planned connections at one address."""

    made: int = 0
    failed: int = 0
    shapes: int = 0
    """Other ClientHellos than the library's that were answered under the same name."""
    span_s: float = 0.0
    """From the first of them to the last."""
    troubled: int = 0
    """Those that failed, or had to send anything again."""
    beside: int = 0
    """Connections under an innocent name to the same address that were made before anything failed there."""
    beside_troubled: int = 0

    @property
    def looks(self) -> int:
        """How many connections, shapes and stretches of time it passed."""
        return self.made - self.failed + self.shapes + sum(self.span_s >= span_s for span_s in SPANS_S)

    @property
    def share(self) -> str:
        """`k/n`: k of n failed; empty where none was planned."""
        return f"{self.failed}/{self.made}" if self.made else ""

    @property
    def troubled_share(self) -> str:
        """The same of those that failed or had to send anything again."""
        return f"{self.troubled}/{self.made}" if self.made else ""

    @property
    def beside_share(self) -> str:
        """The same of innocent ones; empty where none was made."""
        return f"{self.beside_troubled}/{self.beside}" if self.beside else ""


def gather_planned_looks(site: Site, mine: Sequence[Observation], around: Sequence[Observation]) -> PlannedLooks:
    """`mine`: rows of the site's visits at one address. The first attempt is planned in older rows too."""
    attempts: dict[int, list[Observation]] = {}
    for o in mine:
        if o.planned or o.attempt == 1:
            attempts.setdefault(o.attempt, []).append(o)
    begun_s = [rows[0].t0_s for rows in attempts.values()]
    beside: dict[tuple[str, int], list[Observation]] = {}
    for o in around:
        beforehand = o.purpose == "innocent" and (o.attempt == 1 or o.planned)
        if beforehand and mine and (o.address, o.port) == (mine[0].address, site.port):
            beside.setdefault((o.hostname, o.attempt), []).append(o)
    shapes = {o.tls.shape for o in around if o.purpose in _SHAPED and o.operation == "tls_handshake" and o.tls.shape
              and not o.failure and o.tls.sni == site.sni and mine and o.address == mine[0].address}
    return PlannedLooks(
        made=len(attempts), failed=sum(bool(list_failed_inputs(site, rows)) for rows in attempts.values()),
        troubled=sum(bool(list_failed_inputs(site, rows)) or _repeats(rows) for rows in attempts.values()),
        beside=len(beside), beside_troubled=sum(any(o.failure for o in rows) or _repeats(rows)
                                                for rows in beside.values()),
        shapes=len(shapes), span_s=max(begun_s) - min(begun_s) if begun_s else 0.0)


def _repeats(rows: Sequence[Observation]) -> bool:
    """Whether a connection had to send anything again."""
    return any(o.tcp.retransmits for o in rows)


def find_interval(failed: int, made: int) -> tuple[float, float]:
    """Between what shares of all connections those that fail lie, with 95 % (Clopper and Pearson 1934; of more than
    `MOST_PLANNED` Wilson 1927); from 0 to 1 where nothing was made."""
    if not made:
        return 0.0, 1.0
    if made > MOST_PLANNED:
        return find_wilson_interval(failed, made)
    low = _bisect(lambda share: binomial_tail(failed, made, share) < _LEVEL) if failed else 0.0
    high = _bisect(lambda share: 1 - binomial_tail(failed + 1, made, share) > _LEVEL) if failed < made else 1.0
    return low, high


def find_wilson_interval(failed: int, made: int) -> tuple[float, float]:
    """The same by Wilson 1927, whose intervals are shorter, and in a long run hold the share in 95 % as well."""
    if not made:
        return 0.0, 1.0
    share, part = failed / made, _DEVIATIONS**2 / made
    middle, half = share + part / 2, _DEVIATIONS * math.sqrt(share * (1 - share) / made + part / made / 4)
    return max(0.0, (middle - half) / (1 + part)), min(1.0, (middle + half) / (1 + part))


def _bisect(is_below: Callable[[float], bool]) -> float:
    """The share up to which it holds."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return low


def add_shares(shares: Iterable[str]) -> str:
    """`k/n` of several addresses together; empty where nothing was planned at any."""
    pairs = [read_share(share) for share in shares if share]
    return "/".join(str(sum(numbers)) for numbers in zip(*pairs, strict=True))


def describe_share(share: str) -> str:
    """The share in words, with its interval; empty where nothing failed."""
    failed, made = read_share(share)
    if not failed:
        return ""
    low, high = find_interval(failed, made)
    return say("{failed} of {made} planned connections failed: {low:.0%} to {high:.0%} of all, with 95 %",
               failed=failed, made=made, low=low, high=high)
