"""What one transfer shows by itself: did it flow, trickle, stall, or was it ended in good order?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import ceil, log2
from statistics import median
from typing import Final

from probe.core.observations import Observation
from probe.core.tables.failures import Failure, is_timeout
from probe.core.tables.operations import ABOVE_TCP
from probe.core.tables.purposes import Purpose
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES

SAMPLE: Final[Purpose] = "sample"
YARDSTICK: Final[Purpose] = "yardstick"
FROZEN_BYTES = (10_000, 35_000)
"""Where boxes that freeze transfers were seen to do so: 12 to 25 KB, or 25 packets, and what is under way."""
DEAD_BYTES = 600
"""Fewer are no flow: what ends before it begins is no matter of volume."""
ENOUGH_DEAD = 2
"""One that failed before it began may be chance; two, after a page that came, are not a service that works."""
USABLE_BYTES = 16_000
"""Fewer bytes say nothing of a pace."""
LASTS_S = 4.0
"""A transfer that flowed for so long was not frozen."""
FIRST_WINDOW = 14_600
"""Bytes that a server sends before it hears of any (RFC 6928)."""
TRICKLES_S = 2.5
"""What little comes over a throttled connection still comes after this; handshake and first answer need less."""
_HELLO_ROUNDS = 2
ALIKE = 1.5
"""How many times as large as another a size of one kind may be."""
LEAST_APART_S = 0.25
"""A server's own time; where less is left beside round trips, they alone decided the pace."""
_ENDED_BY_SERVERS: tuple[Failure, ...] = ("", "eof_error", "connection_reset")


def is_stalled(seen: Observation) -> bool:
    """It fell silent without a word; how far it had come is another matter."""
    return (is_timeout(seen.failure) or seen.failure == "timed_out") and not is_trickling_page(seen)


def is_trickling_page(seen: Observation) -> bool:
    """A page whose time was up, and of which bytes still came when half of it was over: slow, and not silent."""
    return seen.operation == "http_round_trip" and 2 * seen.transfer.flow_s > seen.t_s - seen.t0_s


def is_frozen(seen: Observation) -> bool:
    """It fell silent where boxes freeze transfers."""
    return is_stalled(seen) and FROZEN_BYTES[0] <= seen.bytes_read <= FROZEN_BYTES[1]


def has_passed(seen: Observation) -> bool:
    """It came well beyond where boxes freeze transfers, or flowed until the time was up."""
    return not seen.failure and (seen.bytes_read > FROZEN_BYTES[1] or seen.transfer.flow_s >= LASTS_S)


def bears_on_freezing(seen: Observation) -> bool:
    """It bears on freezing at all: an end in good order before it could have been frozen does not."""
    return is_stalled(seen) or has_passed(seen)


def bears_on_stalls(seen: Observation, stalls: Sequence[Observation]) -> bool:
    """It bears on these stalls: a page that ended in good order before it came as far does not."""
    least = min((o.bytes_read for o in stalls), default=0)
    return bears_on_freezing(seen) or (bool(stalls) and seen.bytes_read > ALIKE * least)


def has_usable_rate(seen: Observation) -> bool:
    """Its pace can be spoken of: enough bytes, or it went on for long enough. What the server ended after enough bytes
    counts too, also by a reset: that is what a kernel sends where requests were still unread."""
    if seen.failure not in _ENDED_BY_SERVERS and not is_stalled(seen):
        return False
    return seen.bytes_read >= USABLE_BYTES or seen.transfer.flow_s >= TRICKLES_S


def is_dead(seen: Observation) -> bool:
    """It failed before anything flowed."""
    return bool(seen.failure) and seen.bytes_read < DEAD_BYTES


def is_trickling(seen: Observation) -> bool:
    """It went on and on, and few bytes came."""
    return seen.transfer.flow_s >= TRICKLES_S


def mean_rate(seen: Observation) -> float:
    """Bytes a second, from the established connection to the last byte; to the end of the wait where it stalled."""
    return seen.bytes_read / max(_took_s(seen), 0.05)


def ideal_transfer_s(size: int, rtt_s: float, *, hello: bool, asked: int = 0) -> float:
    """What `size` bytes take where nothing but round trips costs time: slow start doubles the window (RFC 5681), and
    whoever asks for more only when all has come, `asked` times, waits for each."""
    rounds = max(asked, 1 + ceil(log2(1 + max(0, size) / FIRST_WINDOW))) + (_HELLO_ROUNDS if hello else 0)
    return rtt_s * rounds


def own_ideal_s(seen: Observation, rtt_s: float) -> float:
    """What a transfer takes where nothing but its round trips costs time."""
    return ideal_transfer_s(seen.bytes_read, rtt_s, hello=True, asked=seen.transfer.rounds)


def _took_s(seen: Observation) -> float:
    """From the established connection to the last byte; to the end of the wait where it stalled."""
    return seen.t_s - seen.t0_s if is_stalled(seen) else seen.transfer.flow_s


def slowdown_factor(seen: Observation) -> float:
    """How many times longer than round trips alone explain; 0 where the round trip is not known."""
    ideal = own_ideal_s(seen, seen.tcp.min_rtt_ms / 1000)
    return _took_s(seen) / ideal if ideal else 0.0


def bottleneck_rate(seen: Observation) -> float:
    """Bytes a second in the time that round trips do not explain: what the narrowest place lets through. Where hardly
    any is left the number is bounded, for then it says little; the plain pace where the round trip is not known."""
    return seen.bytes_read / max(_took_s(seen) - own_ideal_s(seen, seen.tcp.min_rtt_ms / 1000), LEAST_APART_S)


def has_alike_sizes(sizes: Sequence[int]) -> bool:
    """Sizes of one kind: none is half as large again as another."""
    return bool(sizes) and max(sizes) <= ALIKE * min(sizes)


def rate_variation(seen: Observation) -> float:
    """Coefficient of variation of the bytes of whole seconds, first and last left out; 0 is perfectly steady, and what
    is too short to tell is 1."""
    halves = list(seen.transfer.bins)
    seconds = [a + b for a, b in pairwise(halves)][2:-1:2]
    if len(seconds) < 3 or not sum(seconds):
        return 1.0
    mean = sum(seconds) / len(seconds)
    return float((sum((n - mean) ** 2 for n in seconds) / len(seconds)) ** 0.5 / mean)


def shortest_round_trip_s(visits: Sequence[Observation], address: str) -> float:
    """The shortest attempt to connect there that succeeded; 0 where none is known."""
    took = [o.t_s - o.t0_s for o in visits if o.address == address and o.operation == "connect" and not o.failure]
    return min(took, default=0.0)


def excess_s(seen: Observation, rtt_s: float) -> float:
    """Seconds of a handshake or a page beyond what its round trips cost."""
    is_hello = seen.operation == "tls_handshake"
    needed_s = _HELLO_ROUNDS * rtt_s if is_hello else ideal_transfer_s(seen.bytes_read, rtt_s, hello=False)
    return max(0.0, seen.t_s - seen.t0_s - needed_s)


def select_visit_transfers(visits: Sequence[Observation], address: str) -> list[Observation]:
    """Ordinary visits of a target as transfers: those that fell silent above TCP, and those whose large page was read
    on. Small pages say nothing here."""
    found: list[Observation] = []
    own = [o for o in visits if o.address == address and o.purpose in NETWORK_PURPOSES]
    for attempt in sorted({o.attempt for o in own}):
        rows = [o for o in own if o.attempt == attempt and o.operation != "connect"]
        rest = [o for o in rows if o.operation == "transfer"]
        ended = [o for o in rows if o.operation == "http_round_trip" and is_stalled(o) and o.tcp.acked != "no"]
        if rest or ended:
            found.append(replace((rest or ended)[-1], bytes_read=sum(o.bytes_read for o in rows)))
    return found


def is_own_visit(seen: Observation) -> bool:
    """A handshake or page of a target's own visit."""
    return seen.purpose in NETWORK_PURPOSES and seen.operation in ABOVE_TCP


def find_median(values: Sequence[float]) -> float:
    """The median; 0 of nothing."""
    return float(median(values)) if values else 0.0
