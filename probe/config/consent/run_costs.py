"""What a run costs in traffic, time and disk, as it was measured. Pure.

Measured with the core services in the laboratory's scenario `clean`, where nothing is blocked, at each consent level;
runs of a schedule, without Parquet. Where much fails, a run asks again and takes more; pages of the real services may
be larger than the laboratory's. Runs are spread over their whole time, however little there is to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from probe.core.translation import say

MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCost:
    """One run of a schedule."""

    sent_kb: float
    received_kb: float
    disk_kb: float
    connections: int
    questions: int
    """TCP connections and DNS questions, which whoever is on the way can count."""
    endpoints: int
    """Of the list, which the run measured; without the chats that level 1 asks."""


MEASURED: Mapping[int, RunCost] = MappingProxyType({
    1: RunCost(sent_kb=723, received_kb=2007, disk_kb=1805, connections=799, questions=802,
               endpoints=157),
    2: RunCost(sent_kb=863, received_kb=2265, disk_kb=2309, connections=1067, questions=1050,
               endpoints=219),
    3: RunCost(sent_kb=968, received_kb=2606, disk_kb=2384, connections=1077, questions=1086,
               endpoints=225),
})
"""By consent level; level 1 with the first words of chats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCost:
    """A day of runs."""

    runs: int
    traffic_mb: float
    """Sent and received, without headers of packets."""
    disk_mb: float


def count_day_cost(cost: RunCost, *, every_min: int) -> DayCost:
    """What a day's runs take, one each `every_min` minutes."""
    runs = MINUTES_A_DAY // max(1, every_min)
    return DayCost(runs=runs, traffic_mb=runs * (cost.sent_kb + cost.received_kb) / 1000,
                   disk_mb=runs * cost.disk_kb / 1000)


def describe_costs(level: int, *, every_min: int, deadline_s: float) -> str:
    """Traffic, time and disk of a day, and what is seen of one run on the way. `deadline_s`: a run's whole time, over
    which it is spread."""
    cost = MEASURED[level]
    day = count_day_cost(cost, every_min=every_min)
    return say("about {day_mb:.0f} MB a day with a run every {every_min} minutes ({run_mb:.1f} MB and {run_min:.0f} "
               "minutes each), and {disk_mb:.0f} MB a day on disk; on the way {connections} connections and "
               "{questions} DNS questions a run are seen", day_mb=day.traffic_mb, every_min=every_min,
               run_mb=(cost.sent_kb + cost.received_kb) / 1000, run_min=deadline_s / 60, disk_mb=day.disk_mb,
               connections=cost.connections, questions=cost.questions)


def count_days_kept(level: int, *, every_min: int, quota_mb: int) -> int:
    """So many days of runs fit into the quota."""
    return int(quota_mb / max(0.001, count_day_cost(MEASURED[level], every_min=every_min).disk_mb))
