"""How well names that are slowed are found in made-up worlds, and how often innocent ones are suspected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from probe_analysis.times.slow_search import SlowName, find_slow_names
from probe_analysis.times.time_count import HOURS_OF_QUARTER, TimeCount
from probe_analysis.times.time_series import make_table
from probe_analysis.times.time_sketch import find_bin
from probe_lab.fleet.timed_world import BEGIN_H, LIMIT_S, SlowedTruth, TimedTry, TimedWorld

TOLERANCE_H = 24
"""By so much may the first and the last hour be wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedVerdict:
    """What was found in one world."""

    sought: int
    """Slowed names, network by network."""
    found: int
    """Of these with the right days, and as by name or by address, whichever it is."""
    false: tuple[SlowName, ...]
    """What nobody slows."""


def judge_world(world: TimedWorld) -> TimedVerdict:
    """Searches, and holds what is found against the truth."""
    found = find_slow_names(make_table(count_tries(world.list_tries())))
    truth = world.truth
    pairs = [(name, asn) for name in sorted(truth.names) for asn in sorted(truth.networks)] if truth else []
    hits = sum(any(_is_right(one, truth, name, asn) for one in found) for name, asn in pairs) if truth else 0
    false = tuple(one for one in found if (one.own.name, one.own.network[1]) not in pairs)
    return TimedVerdict(sought=len(pairs), found=hits, false=false)


def _is_right(one: SlowName, truth: SlowedTruth, name: str, asn: int) -> bool:
    first, after = one.first * HOURS_OF_QUARTER - BEGIN_H, (one.last + 1) * HOURS_OF_QUARTER - BEGIN_H
    kind = "slowed.name" if truth.by == "name" else "slowed.address"
    return ((one.own.name, one.own.network[1], one.kind) == (name, asn, kind)
            and abs(first - truth.first_h) <= TOLERANCE_H and abs(after - truth.last_h) <= TOLERANCE_H)


def count_tries(tries: Iterator[TimedTry]) -> Iterator[TimeCount]:
    """Each connection as a probe's rows give it: how long connecting took, and the handshake."""
    for one in tries:
        steps: Sequence[tuple[str, float]] = (("connect", one.connect_s), ("handshake", one.handshake_s))
        for step, took_s in steps[:1 if one.connect_s >= LIMIT_S else 2]:
            yield TimeCount(
                network=(one.network.cc, one.network.asn), hour=int(BEGIN_H + one.hour), slot=one.probe,
                version=one.version, fresh=False, name=one.name.name, service=one.name.service,
                prefix=one.address.rpartition(".")[0], step="connect" if step == "connect" else "handshake",
                bin=find_bin(took_s), censored=took_s >= LIMIT_S, n=1)
