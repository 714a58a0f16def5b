"""What flows with chosen TTLs show of the hop at which something acts on a question.

A packet whose TTL ends before the box never meets it; one that ends just behind it does. What is compared: the same
question with one hop less, an innocent one with the same TTL and further ones, and how far routers are heard of at all.
A box may give its forged packet the TTL that the packet it saw had left: that one dies on its way back, and what is
first seen comes from about half as far (rule R30 of the field). So a place is a range.

Only the TTL of the question varies. A box anywhere on the way that waits for the server's answer, and drops it, ends
the connection on it or rewrites it, therefore shows where the server is reached, just as a front that refuses us. The
two are told apart in one case alone, `FlowSigns.at_end`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probe.core.tables.evidence_words import HopWord
from probe.judge.hops.hop_lines import ACTS, ENDS, SERVED, Lines, find_tcp_end, read_routers, read_word_at
from probe.judge.packets.end_timing import is_sooner

GOES_ON: tuple[HopWord, ...] = ("exceeded", *SERVED)
"""A packet passed this place, or was taken by the service."""
AGREEING = 3
"""So many searches must show the same, and as many innocent flows the contrary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionFlow:
    """One connection on which a question was said with chosen TTLs."""

    lines: Lines
    left_out: bool = False
    """The question was not said to its end: no server owes it an answer."""
    early: bool = False
    """Of an innocent one: it was made before anything else was said, so that nothing can have been set off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSigns:
    """What the flows of one search show; hop numbers count routers from 1, 0: not shown."""

    least: int = 0
    most: int = 0
    agreed: bool = False
    """Three flows met the same there and not one hop before, and three innocent ones passed. Or later ones met there
    what the others do, as boxes punish an address for minutes, and an early one passed, or SYNs are not accepted
    before; and what ends them comes sooner than the server could."""
    at_end: bool = False
    """Three flows were ended where the server is reached and not one hop before, by what cannot be a box that waits for
    the server's answer: the question was not said to its end, so there was none, and the server's acknowledgement of it
    arrived as it was before the end came. Innocent bytes were served there. It says nothing of who stands at the
    server's door. A front that acts once it has the whole question, as most do, is never shown so."""
    end: int = 0
    """The TTL with which innocent bytes reach a server; 0: not known."""
    heard: int = 0
    """The furthest router that any packet of the search ran out at."""


NO_SIGNS = FlowSigns()


def read_flows(mine: Sequence[QuestionFlow], innocent: Sequence[QuestionFlow], way: Lines) -> FlowSigns:
    """Compare the flows of a question with the innocent ones and the routers on the `way`."""
    others = [f.lines for f in innocent]
    looks = [f for f in mine if f.lines and f.lines[-1].ttl - f.lines[0].ttl <= 1]
    place = max((f.lines[-1].ttl for f in looks), default=0)
    looks = [f for f in looks if f.lines[-1].ttl == place]
    said = {f.left_out for f in looks}
    mine = [f for f in mine if f.left_out in said]  # a box that waits for the whole lets a part of it pass
    words = {met for f in mine if (met := read_word_at(f.lines, place))}
    beside = [f for f in innocent if read_word_at(f.lines, place)]
    control = [f.lines for f in beside]
    if len(words) != 1 or not control:
        return NO_SIGNS
    word = words.pop()
    if not _begins_there(word, mine, place):
        return NO_SIGNS
    routers, ended = read_routers(way)
    heard = max((s.ttl for row in (way, *others) for s in row if s.word == "exceeded"), default=0)
    served = find_tcp_end(way, others)
    if (ended and place >= ended) or (served and place >= served):
        beyond = max(routers, default=0) >= served > 0 or ended > served > 0  # something ends TCP for the server
        return FlowSigns(at_end=not beyond and _is_ended_by_server(word, looks, control, place), end=served)
    if word in ACTS:
        spared = any(read_word_at(row, place) not in ACTS for row in control) or heard >= place
        least = place // 2 + 1
    else:
        spared, least = any(goes_on(row, place) for row in control), place
    if not spared:
        return NO_SIGNS
    sure = [f for f in looks if word in ACTS or place == 1 or read_word_at(f.lines, place - 1) == "exceeded"]
    opens_beyond = any(s.word == "open" for s in way) and served > place
    punished = (_is_contrary(beside, word, place, opens_beyond=opens_beyond)
                and _is_no_servers([f.lines for f in (*looks, *beside)], word, place, _find_trip_ms(way, others)))
    agreed = len(sure) >= AGREEING and (_pass_all(beside, place) or punished)
    return FlowSigns(least=least, most=place, agreed=agreed, end=served, heard=heard)


def _begins_there(word: HopWord, mine: Sequence[QuestionFlow], place: int) -> bool:
    """Whether something acts at this TTL, or swallows what is said, and nothing does at one less."""
    if word not in ACTS and word != "silent":
        return False
    if place == 1:
        return True
    below = [(met, f.lines) for f in mine if (met := read_word_at(f.lines, place - 1))]
    if any(met in ACTS for met, _ in below):
        return False
    lost = any(met == "silent" and sum(s.ttl == place - 1 for s in lines) > 1 for met, lines in below)
    return bool(below) if word in ACTS else not lost and any(met == "exceeded" for met, _ in below)


def _pass_all(beside: Sequence[QuestionFlow], place: int) -> bool:
    """Whether enough innocent flows, and all of them, go on where the question meets something."""
    return len(beside) >= AGREEING and all(goes_on(f.lines, place) for f in beside)


def _is_no_servers(rows: Sequence[Lines], word: HopWord, place: int, trip_ms: float | None) -> bool:
    """Whether what acts at this TTL, on innocent flows too, comes sooner than the server can end a connection. A server
    that bans an address accepts it and ends it at once, whatever was said, with whichever TTL, or never arrived."""
    if word not in ACTS:
        return True
    delays_ms = [s.delay_ms for row in rows for s in row if s.ttl == place and s.word in ACTS]
    return trip_ms is not None and all(ms is not None and is_sooner(ms, trip_ms) for ms in delays_ms)


def _find_trip_ms(way: Lines, others: Sequence[Lines]) -> float | None:
    """The shortest round trip to the server that the search shows; None where it shows none."""
    return min((s.delay_ms for row in (way, *others) for s in row
                if s.word in ("open", *SERVED) and s.delay_ms is not None), default=None)


def _is_contrary(beside: Sequence[QuestionFlow], word: HopWord, place: int, *, opens_beyond: bool) -> bool:
    """Whether the innocent flows, some of which meet it too, show that what acts was set off by the question.
    `opens_beyond`: SYNs are accepted further on alone, so that what resets there is not what they connect to."""
    passed = [f for f in beside if goes_on(f.lines, place)]
    if len(passed) == len(beside):
        return False
    alike = [f for f in beside if f not in passed and read_word_at(f.lines, place) == word
             and (place == 1 or read_word_at(f.lines, place - 1) == "exceeded")]
    shown = any(f.early for f in passed) or (opens_beyond and word in ACTS)
    return shown and len(passed) + len(alike) == len(beside)


def goes_on(row: Lines, place: int) -> bool:
    """Whether a flow is heard of at this TTL or further on, and nothing acted on it up to there."""
    return any(s.ttl >= place and s.word in GOES_ON for s in row) and not any(
        s.ttl <= place and s.word in ACTS for s in row)


def _is_ended_by_server(word: HopWord, looks: Sequence[QuestionFlow], control: Sequence[Lines],
                        place: int) -> bool:
    """The case of `FlowSigns.at_end`, but for a carrier that ends TCP itself."""
    sure = [f for f in looks if f.left_out and any(s.ttl == place and s.word == "acked" for s in f.lines)]
    served = all(read_word_at(row, place) in SERVED and read_word_at(row, place - 1) not in SERVED for row in control)
    return word in ENDS and len(sure) >= AGREEING and served
