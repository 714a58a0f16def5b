"""Ends that came sooner than the service can answer.

Nothing answers words faster than a round trip to it. So where a connection is answered or ended well before one, by
whatever looks like the service, somebody nearer has spoken; no packets need be captured for that. What is compared is
`end_ms`, from our first bytes on a connection to what came back, which our own delays can only lengthen, and the round
trips that TCP measured at that address and port. An end that acknowledges our words is timed by TCP as well, which is
not late where this device is busy. The round trips can be too long, each for an innocent reason, and each reason has a
guard:

- One SYN was slow, or connections to one address take ways of several lengths (anycast, load balancers): an end must
  come sooner than the lowest round trip of all connections there, and than its own connection's.
- Every SYN is slow, and what follows it is not: a radio wakes up, a load balancer sets up a flow, a front answers the
  SYN once its own connection to the service stands. So a round trip of data must be known, of an innocent name or of
  other bytes there, and counts among those of which the lowest is taken.
- The server ends connections as soon as they stand, whatever is said on them, and its end was on its way before we
  spoke. Either an innocent name was served there afterwards, or as many attempts as are asked for ended sooner than the
  server can have heard that the connection stands.
- Our bytes were lost and sent again: such a connection tells nothing, unless its end came before a round trip, when
  nothing can have been sent again yet. What forged answers leave unacknowledged is repeated afterwards.
- Something near us speaks TCP in the service's place (a carrier's proxy, a satellite's accelerator): the round trip is
  then short as well, and nothing comes sooner.

Only the first words of a connection count. What ends it later may have been decided by what was said before.
An operator's own guard may stand far before the service, let TCP pass, and end connections by name. Where the way was
traced, `probe.judge.hops.end_place` tells whether the end came from further away than that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median_low

from probe.core.observations import Observation
from probe.core.tables.evidence_words import EndWhere
from probe.core.tables.failures import is_timeout
from probe.core.tables.purposes import Purpose

AT_LEAST = 3
"""Attempts that must have ended so."""
SOONER = 0.8
"""Of the round trip: queues on the way make single round trips differ by a fifth."""
SOONER_MS = 5.0
"""By so much at least. A Wi-Fi frame waits some milliseconds for its turn, and a kernel's tick is four: below that a
fifth of a short round trip is noise."""
OTHERS: tuple[Purpose, ...] = ("innocent", "residual", "bytes", "program")
"""What is said there for comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndTiming:
    """How soon the failing attempts at one address and port were answered or ended."""

    attempts: int = 0
    """Failing attempts whose first words were answered or ended, and of which the times are known."""
    sooner: int = 0
    """Those that were so well before a round trip was over. Each shows somebody nearer; the others show nothing, as
    delays of our own lengthen ends."""
    middle_end_ms: float = 0.0
    """After our first bytes, the middle of these ends as they were heard: single ones are late where this device was
    busy."""
    lowest_rtt_ms: float = 0.0
    """The lowest round trip that any connection there has shown; 0 where none did."""
    answered: int = 0
    """Connections there on which data made a round trip."""
    served_after: bool = False
    """An innocent name, or other bytes, were received there after the first of the attempts had failed."""
    unheard_of: int = 0
    """Attempts that were over sooner than the service can have heard that the connection stands."""
    where: EndWhere = ""
    """Whether that was before all that may be the operator's own."""

    @property
    def is_sooner(self) -> bool:
        """Somebody nearer than the service answered or ended most of the attempts. Some may seem to have ended later:
        whatever delays us makes ends late, and none early."""
        by_words = self.served_after or self.unheard_of >= AT_LEAST
        return AT_LEAST <= self.sooner > self.attempts / 2 and self.answered > 0 and by_words

    @property
    def is_before_door(self) -> bool:
        """It was somebody nearer, and the way there leaves no room for a guard of the operator's own."""
        return self.is_sooner and self.where == "before"


UNTIMED = EndTiming()


@dataclass(frozen=True, slots=True)
class _Opening:
    """A connection and the first that was said on it."""

    connect: Observation
    first: Observation

    @property
    def own_rtt_ms(self) -> float:
        """Of the SYN: later round trips may be those of whoever ended the connection."""
        return _lowest(self.connect.tcp.min_rtt_ms)


def gather_end_timing(ends: Sequence[Observation], seen: Sequence[Observation]) -> EndTiming:
    """Compare `ends`, each the operation with which a failing attempt ended, with all that was `seen` at their address
    and port, in the order of its sequence numbers."""
    openings = _list_openings(seen)
    failing = {id(o) for o in ends}
    timed = [o for o in openings if id(o.first) in failing and _is_timed(o)]
    good = [o for o in openings if id(o.first) not in failing and _has_round_trip(o.first)]
    lowest_ms = _lowest(
        *(value for o in seen if o.operation == "connect" and not o.failure
          for value in (o.tcp.min_rtt_ms, o.tcp.end_ms)),
        *(value for o in good for value in (o.first.tcp.min_rtt_ms, o.first.tcp.end_ms)))
    if not timed:
        return EndTiming(lowest_rtt_ms=lowest_ms, answered=len(good))
    return EndTiming(
        attempts=len(timed), sooner=sum(_is_sooner(o, lowest_ms) for o in timed),
        middle_end_ms=median_low(_heard_ms(o.first, _find_trip_ms(o, lowest_ms)) for o in timed),
        lowest_rtt_ms=lowest_ms, answered=len(good),
        served_after=any(o.first.purpose in OTHERS and o.connect.t0_s >= timed[0].first.t_s for o in good),
        unheard_of=sum(_over_ms(o) < o.own_rtt_ms + SOONER * lowest_ms for o in timed),
    )


def _list_openings(seen: Iterable[Observation]) -> list[_Opening]:
    """Each connection with its first words; the operations of one follow each other."""
    found: list[_Opening] = []
    connect: Observation | None = None
    for o in seen:
        if o.operation == "connect":
            connect = None if o.failure else o
        elif connect is not None:
            if (o.purpose, o.attempt) == (connect.purpose, connect.attempt):
                found.append(_Opening(connect, o))
            connect = None
    return found


def _is_timed(opening: _Opening) -> bool:
    first = opening.first.tcp
    again = first.retransmits and first.end_ms >= opening.own_rtt_ms
    return first.end_ms > 0 and opening.own_rtt_ms > 0 and not again


def _has_round_trip(first: Observation) -> bool:
    """What was said once was answered, or at least acknowledged and not cut off."""
    went = not first.failure or (is_timeout(first.failure) and first.tcp.acked == "yes")
    return went and first.tcp.min_rtt_ms > 0 and not first.tcp.retransmits


def _is_sooner(opening: _Opening, lowest_ms: float) -> bool:
    trip_ms = _find_trip_ms(opening, lowest_ms)
    return is_sooner(_heard_ms(opening.first, trip_ms), trip_ms)


def is_sooner(heard_ms: float, trip_ms: float) -> bool:
    """Whether an end that was heard of after so long comes sooner than from where the round trip takes `trip_ms`."""
    return heard_ms < SOONER * trip_ms and trip_ms - heard_ms >= SOONER_MS


def _find_trip_ms(opening: _Opening, lowest_ms: float) -> float:
    return min(lowest_ms, opening.own_rtt_ms)


def _heard_ms(first: Observation, trip_ms: float) -> float:
    """When what ended the connection was heard. The system's own clock tells it of ends that acknowledge our words, and
    is not late where this device is busy. Not of an end that took a whole round trip: somebody near may have taken our
    words over and brought the service's own answer."""
    end_ms, acked_ms = first.tcp.end_ms, first.tcp.min_rtt_ms
    return min(end_ms, acked_ms) if acked_ms > 0 and end_ms < trip_ms else end_ms


def _over_ms(opening: _Opening) -> float:
    """From before the SYN until the operation was over, which is no sooner than the end came."""
    return 1000 * (opening.first.t_s - opening.connect.t0_s)


def _lowest(*values: float) -> float:
    """The lowest that is known; 0 where none is."""
    return min((value for value in values if value > 0), default=0.0)
