"""What a target's transfers show beside those that they are compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from probe.core.observations import ControlAnswer, Observation
from probe.judge.common.rank_tests import binomial_tail, expected_chance, rank_sum_p, sign_p
from probe.judge.flow.transfer_evidence import (
    FROZEN_BYTES,
    SAMPLE,
    YARDSTICK,
    bears_on_freezing,
    bears_on_stalls,
    bottleneck_rate,
    find_median,
    has_alike_sizes,
    has_passed,
    has_usable_rate,
    is_dead,
    is_frozen,
    is_stalled,
    is_trickling,
    mean_rate,
    rate_variation,
    select_visit_transfers,
    slowdown_factor,
)

SLOWED = 0.25
"""Pace of the target over pace of the control at which one speaks of throttling."""
EQUAL = 1.15
"""Paces of one rate that somebody set; those of lossy and crowded ways differ more."""
FEW_AT_THE_EDGE, NEARLY = 3, 1.25
"""Segments by which equal flows may differ, and then their paces: of a low rate one more or less, first, lost or last,
is several percent."""
POLICED = 25_000.0
"""Bytes a second (200 kbit/s): policers of services were seen to let through 0.6 to 19 KB/s."""
HALVED = 0.5
"""Pace over pace of the control that is enough where the target's is a set rate: the control's, too, is bounded, by its
round trips, and so the longer they are, the less it shows of what the way could carry."""
APART_EFFORT = 2.0
"""Times longer than round trips explain. If the server took the other half, controls would wait for it as well, and not
be four times as fast."""
STEADY = 0.4
"""Coefficient of variation of whole seconds below which a flow keeps one rate; losses and full queues vary more."""
FULL_SEGMENT = 1200
FEW_SEGMENTS = 4
"""Acknowledgements are grouped now one way and now another."""
SAME_SIZE = 0.7
"""Bodies of one page; it may change a little between two requests."""
PAIRS = 4
MOST_BY_CHANCE = 0.05
SIGN_BY_CHANCE = 0.1
"""Four pairs all alike: 1 in 16."""
MANY_SEGMENTS = 1.5
"""So many times the segments of a stalled transfer that a limit of packets would have been met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowComparison:
    """The target's transfers held against others."""

    others: int = 0
    """Usable transfers of the others."""
    slower: bool = False
    """The target's are slower by a factor of four, in every pair, and chance hardly explains it."""
    lower: bool = False
    """So they are by pace (on the same way half is enough) and in the time that round trips leave, which is most of
    theirs: something is odd, whether they keep one rate or not."""
    halved: bool = False
    """So they are in the time that round trips leave, and by pace by half at least, on whatever way: odd where controls
    are much faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowEvidence:
    """Transfers at one address; empty where none were made."""

    samples: int = 0
    """Usable transfers under the target's own name."""
    trickles: bool = False
    """They go on and on, and little comes."""
    policed: bool = False
    """They are all equally slow, below any line of today, and steady: a rate that somebody set, and no crowded or lossy
    way."""
    set_rate: bool = False
    """So they are, most of them steadily, and it is not their round trips that make them so."""
    innocent: FlowComparison = field(default_factory=FlowComparison)
    """Against an innocent name at the same address."""
    same_answer: bool = False
    """The innocent name's requests got the answer that the target's got: one server, one content."""
    elsewhere: FlowComparison = field(default_factory=FlowComparison)
    """Against other services' servers, round trips allowed for."""
    innocent_slow: bool = False
    """The innocent name fares badly too, against other services' servers."""
    own_slow: bool = False
    """Each of the target's does, however few they are."""
    stalls: int = 0
    """Transfers that fell silent where boxes freeze them; `tries` of which the others all came well beyond."""
    tries: int = 0
    clean: bool = False
    """The transfers that did not stall came well beyond, and those that did stopped alike."""
    stall_chance: float = 1.0
    """How likely so many stalls are, if they come to this address as they come to others."""
    early_stalls: int = 0
    """Transfers that all fell silent alike before boxes freeze by volume, and after full segments had come; 0 where any
    did not."""
    dead: int = 0
    """Transfers that failed before anything flowed; 0 where any did flow."""
    own_stalls: int = 0
    """Transfers that fell silent, wherever they did; 0 where any did not."""
    early_by_pieces: bool = False
    """No full segment came; that one in pieces stopped as early shows alone that it was not for their size."""
    innocent_passes: int = 0
    elsewhere_passes: int = 0
    elsewhere_stalls: int = 0
    later_pass: bool = False
    """Another server's transfer came through after the last stall."""
    pieces_passed: int = 0
    """Transfers of many packets and few bytes that were answered, well beyond the packets of a stalled one."""
    pieces_stalled: int = 0
    """Those that fell silent after about as many packets as the stalled ones."""
    controls_fast: int = 0
    """Networks of controls whose transfer from the service was four times as fast or came well beyond."""
    controls_slow: int = 0
    """Networks of controls whose transfer fared as ours."""
    evidence: tuple[str, ...] = ()


def gather_flow_evidence(flows: Sequence[Observation], visits: Sequence[Observation], controls: Sequence[ControlAnswer],
                         address: str) -> FlowEvidence:
    """Read the transfers made for the sake of a site, and its ordinary visits, as far as they concern `address`."""
    mine = [o for o in flows if o.purpose == SAMPLE and o.address == address and o.http.method == "GET"]
    if not mine:
        return FlowEvidence()
    pieces = [o for o in flows if o.purpose == SAMPLE and o.address == address and o.http.method == "HEAD"]
    beside = [o for o in flows if o.purpose == YARDSTICK and o.address == address]
    others = [o for o in flows if o.purpose == YARDSTICK and o.address != address]
    paced = [o for o in mine if has_usable_rate(o)]
    looked = [*select_visit_transfers([*visits, *flows], address), *(o for o in mine if bears_on_freezing(o))]
    frozen_ones = [o for o in looked if is_frozen(o)]
    looked = [o for o in looked if bears_on_stalls(o, frozen_ones)]
    full = any(o.tcp.receive_mss >= FULL_SEGMENT for o in (*mine, *(o for o in beside if has_passed(o))))
    early = early_stalls(mine, pieces, full=full)
    others_stalled = sum(is_stalled(o) for o in others)
    heard = [c for c in controls if c.volume_failure is not None]
    words = {(c.asn, c.cc, _control_word(c, paced, frozen_ones or early)) for c in heard}
    usable = [o for o in others if has_usable_rate(o)]
    return FlowEvidence(
        samples=len(paced), trickles=2 * sum(is_trickling(o) for o in mine) > len(mine),
        policed=_looks_policed(paced), set_rate=_set_rate(paced, same_way=True),
        innocent=_held_against(paced, [o for o in beside if has_usable_rate(o)], same_way=True),
        same_answer=_same_answer(mine, beside),
        elsewhere=_held_against(paced, usable, same_way=False),
        innocent_slow=_each_slow([o for o in beside if has_usable_rate(o)], usable), own_slow=_each_slow(paced, usable),
        stalls=len(frozen_ones), tries=len(looked),
        clean=all(is_frozen(o) or has_passed(o) for o in looked)
        and has_alike_sizes([o.bytes_read for o in frozen_ones]),
        stall_chance=chance_of_stalls(len(frozen_ones), len(looked), len(others), others_stalled),
        early_stalls=len(early), early_by_pieces=bool(early) and not full,
        dead=len(mine) if all(is_dead(o) for o in mine) else 0,
        own_stalls=len(mine) if all(is_stalled(o) for o in mine) else 0,
        innocent_passes=sum(has_passed(o) for o in beside), elsewhere_passes=sum(has_passed(o) for o in others),
        elsewhere_stalls=others_stalled,
        later_pass=_later_pass(frozen_ones, others) or _in_turns(early, [*others, *beside]),
        pieces_passed=_pieces(pieces, frozen_ones or early, passing=True),
        pieces_stalled=_pieces(pieces, frozen_ones or early, passing=False),
        controls_fast=sum(word == "fast" for *_, word in words),
        controls_slow=sum(word == "slow" for *_, word in words),
        evidence=tuple(o.observation_id for o in flows if o.purpose in (SAMPLE, YARDSTICK)),
    )


def early_stalls(mine: Sequence[Observation], pieces: Sequence[Observation], *, full: bool) -> list[Observation]:
    """All transfers, where each stopped after about as many segments, and it was not for their size: `full` ones come
    from there, or one of small segments alone, `pieces`, stopped after as many. A link that takes no full ones looks
    alike otherwise."""
    short = stopped_early(mine)
    return short if full or _pieces(pieces, short, passing=False) else []


def stopped_early(mine: Sequence[Observation]) -> list[Observation]:
    """All transfers, where each stopped after about as many segments, one at least before boxes freeze by volume."""
    short = [o for o in mine if is_stalled(o) and o.bytes_read <= FROZEN_BYTES[1]]
    counts, sizes = [o.tcp.segments for o in short], [o.bytes_read for o in short]
    if not short or len(short) < len(mine) or min(sizes) >= FROZEN_BYTES[0]:
        return []
    near = has_alike_sizes(counts) and max(sizes) <= EQUAL * min(sizes)  # our acknowledgements are counted, too
    return short if near or max(counts) - min(counts) <= FEW_SEGMENTS else []


def chance_of_stalls(stalls: int, tries: int, others: int, others_stalled: int = 0) -> float:
    """How likely at least so many stalls are, if a transfer stalls here as often as elsewhere."""
    return binomial_tail(stalls, tries, expected_chance(others_stalled, others))


def looks_slowed(mine: Sequence[Observation], others: Sequence[Observation]) -> bool:
    """Slower than the others by a factor of four; or by two, at a low pace, and by four apart from round trips. By the
    middle of each: not yet evidence, but worth more transfers."""
    usual = [o for o in others if has_usable_rate(o)]
    if not mine or not usual:
        return False
    if find_median([mean_rate(o) for o in mine]) <= SLOWED * find_median([mean_rate(o) for o in usual]):
        return True
    return all(_much_lower(o, usual) for o in mine)


def looks_throttled(seen: Observation) -> bool:
    """It lasts, at a pace below any line of today, and its round trips do not make it so."""
    return is_trickling(seen) and mean_rate(seen) <= POLICED and slowdown_factor(seen) >= APART_EFFORT


def _much_lower(seen: Observation, others: Sequence[Observation]) -> bool:
    """A low pace, half of what is usual and a quarter of it apart from round trips."""
    return (slowdown_factor(seen) >= APART_EFFORT
            and mean_rate(seen) <= min(POLICED, HALVED * find_median([mean_rate(o) for o in others]))
            and bottleneck_rate(seen) <= SLOWED * find_median([bottleneck_rate(o) for o in others]))


def _held_against(mine: Sequence[Observation], others: Sequence[Observation], *, same_way: bool) -> FlowComparison:
    """Against transfers of the same way, paces count; of others, what round trips do not explain."""
    by_pace = _each_less(mine, others, mean_rate, SLOWED) and (
        same_way or _each_less(mine, others, lambda o: -slowdown_factor(o), SLOWED))
    halved = (all(slowdown_factor(o) >= APART_EFFORT for o in mine) and _each_less(mine, others, mean_rate, HALVED)
              and _each_less(mine, others, bottleneck_rate, SLOWED))
    lower = halved and (same_way or _each_less(mine, others, mean_rate, SLOWED))
    by_rate = halved and _set_rate(mine, same_way=same_way)
    return FlowComparison(others=len(others), slower=by_pace or by_rate, lower=lower, halved=halved)


def _each_less(mine: Sequence[Observation], others: Sequence[Observation], measure: Callable[[Observation], float],
               share: float) -> bool:
    """In every pair not more than this share of what the other has, and chance hardly explains it. Of `measure` more is
    better (and those below zero are costs)."""
    pairs = min(len(mine), len(others))
    return (pairs >= PAIRS and sign_p(pairs, pairs) <= SIGN_BY_CHANCE
            and all(_much_less(measure(t), measure(c), share) for t, c in zip(mine, others, strict=False))
            and rank_sum_p([measure(o) for o in mine], [measure(o) for o in others]) <= MOST_BY_CHANCE)


def _each_slow(few: Sequence[Observation], others: Sequence[Observation]) -> bool:
    """Each of a few is much slower than the others usually are, round trips allowed for."""
    usual = find_median([mean_rate(o) for o in others]), find_median([slowdown_factor(o) for o in others])
    return bool(few and others) and all(
        (_much_less(mean_rate(o), usual[0]) and _much_less(-slowdown_factor(o), -usual[1]))
        or _much_lower(o, others) for o in few)


def _much_less(mine: float, other: float, share: float = SLOWED) -> bool:
    """Four times less of what is good, or four times more of a cost; never where the other is not known."""
    if other > 0:
        return 0 <= mine <= share * other
    return other < 0 and mine < 0 and share * mine <= other


def _same_answer(mine: Sequence[Observation], beside: Sequence[Observation]) -> bool:
    """Both got contents, and of one size: not just any refusal, redirect or page that a server has for names it does
    not know, and that may come from another machine than the one whose answers are slow."""
    statuses = {o.http.status for o in mine if 200 <= o.http.status < 300}
    heard = [o for o in beside if has_usable_rate(o)]
    sizes = [o.http.body_bytes for o in (*mine, *heard) if o.http.body_bytes]
    alike_all = (all(o.http.status in statuses and o.http.body_bytes for o in heard)
                 and any(o.http.body_bytes for o in mine))
    return bool(heard) and alike_all and min(sizes) >= SAME_SIZE * max(sizes)


def _looks_policed(mine: Sequence[Observation]) -> bool:
    """One low rate, and flows keep it from one second to the next. Over a way that loses a tenth to a third of all
    packets one or two sets of four in a hundred are so equal (simulated), and one in three hundred as steady."""
    paces, sizes = [mean_rate(o) for o in mine], [o.bytes_read for o in mine]
    if len(paces) < PAIRS or max(paces) > POLICED or find_median([rate_variation(o) for o in mine]) > STEADY:
        return False
    grain = FEW_AT_THE_EDGE * min(o.tcp.receive_mss for o in mine)  # 0 where the system does not tell
    return max(paces) <= (NEARLY if max(sizes) - min(sizes) <= grain else EQUAL) * min(paces)


def _set_rate(mine: Sequence[Observation], *, same_way: bool) -> bool:
    """Policed, and not by round trips. Each must keep its rate where the others took another way, which may be the
    better one."""
    keeps = same_way or all(rate_variation(o) <= STEADY for o in mine)
    return keeps and _looks_policed(mine) and all(slowdown_factor(o) >= APART_EFFORT for o in mine)


def _later_pass(frozen_ones: Sequence[Observation], others: Sequence[Observation]) -> bool:
    last_s = max((o.t_s for o in frozen_ones), default=0.0)
    return bool(frozen_ones) and any(has_passed(o) and o.t_s > last_s for o in others)


def _in_turns(early: Sequence[Observation], others: Sequence[Observation]) -> bool:
    """Others came through after all but the last of what stopped."""
    ends = sorted(o.t_s for o in early)
    return len(ends) > 1 and any(has_passed(o) and o.t_s > ends[-2] for o in others)


def _pieces(pieces: Sequence[Observation], frozen_ones: Sequence[Observation], *, passing: bool) -> int:
    counted = [o.tcp.segments for o in frozen_ones if o.tcp.segments]
    if not counted:
        return 0
    most, least = max(counted), min(counted)
    if passing:
        return sum(not o.failure and o.tcp.segments >= MANY_SEGMENTS * most for o in pieces)
    return sum(is_stalled(o) and least / MANY_SEGMENTS <= o.tcp.segments <= MANY_SEGMENTS * most for o in pieces)


def _control_word(control: ControlAnswer, paced: Sequence[Observation], frozen_ones: Sequence[Observation]) -> str:
    """fast, slow, or empty where the control's transfer says too little."""
    if frozen_ones:
        furthest = max(o.bytes_read for o in frozen_ones)
        return "fast" if control.volume_bytes >= 2 * furthest else "slow"
    if not paced:
        return ""
    mine = find_median([mean_rate(o) for o in paced])
    theirs = control.volume_bytes / max(control.volume_s, 0.05)
    enough = control.volume_bytes >= min(find_median([float(o.bytes_read) for o in paced]), 64_000)
    if enough and mine <= SLOWED * theirs:
        return "fast"
    return "" if enough and mine <= HALVED * theirs else "slow"  # between: its round trips may hold it back
