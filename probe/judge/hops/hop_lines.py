"""Reading the rows of a search for a hop: what became of the packets of one flow, and which routers were heard of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probe.core.observations import Observation
from probe.core.replies import TraceLine
from probe.core.tables.evidence_words import HopWord
from probe.core.tables.words import Empty

ACTS: tuple[HopWord, ...] = ("reset", "closed", "answered")
"""Words of what ends or answers a flow."""
ENDS: tuple[HopWord, ...] = ("reset", "closed")
"""Words of what ends one without an answer."""
SERVED: tuple[HopWord, ...] = ("acked", "answered")
"""Words of a server that was reached, where nothing interferes."""
QUIET_HOPS = 2
"""So many hops in a row must keep silent where others are heard: one router alone may have other things to do."""
PASSED: tuple[HopWord, ...] = ("exceeded", "acked")
"""What shows that a packet went on."""
Lines = Sequence[TraceLine]


def list_packets(row: Observation) -> tuple[TraceLine, ...]:
    """The packets of a row, in the order in which they were sent; one that was acknowledged before something acted has
    two lines."""
    return tuple(line for line in row.trace.lines if line.word)


def read_routers(way: Lines) -> tuple[frozenset[int], int]:
    """(TTLs at which a router let a packet run out, the TTL at which the address itself was reached or 0)."""
    ended = min((s.ttl for s in way if s.word == "end"), default=0)
    return frozenset(s.ttl for s in way if s.word == "exceeded"), ended


def find_tcp_end(way: Lines, rows: Iterable[Lines]) -> int:
    """The least TTL with which a SYN is accepted, or innocent bytes are acknowledged or answered: where TCP ends; 0:
    with none."""
    opened = [s.ttl for s in way if s.word == "open"]
    return min([*opened, *(s.ttl for row in rows for s in row if s.word in SERVED)], default=0)


def read_word_at(row: Lines, ttl: int) -> HopWord | Empty:
    """What one flow met at a TTL: what acted, else silence where every packet met it, else the last word; empty: it
    sent none with that TTL."""
    words = [s.word for s in row if s.ttl == ttl]
    acts = [word for word in words if word in ACTS]
    heard = [word for word in words if word != "silent"]
    return acts[-1] if acts else heard[-1] if heard else words[-1] if words else ""


def find_first_sign(rows: Sequence[Lines], way: Lines) -> int:
    """The TTL at which interference seems to begin in flows whose TTL rises; 0 while there is no sign of it."""
    packets = [s for row in rows for s in row]
    acted = [s.ttl for s in packets if s.word in ACTS]
    if acted:
        return min(acted)
    others, ended = read_routers(way)
    heard = max((s.ttl for s in packets if s.word in PASSED), default=0)
    quiet = sorted({s.ttl for s in packets if s.word == "silent" and s.ttl > heard
                    and (s.ttl in others or (ended and s.ttl >= ended))})
    return quiet[0] if len(quiet) >= QUIET_HOPS else 0
