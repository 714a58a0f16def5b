"""A small world of OONI's measurements in which one name is slow on one network for two days, analysed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from probe_analysis.imported.import_files import ImportTally, import_files
from probe_analysis.look.look_analysis import analyse_results
from probe_analysis.look.look_sources import Analysis
from probe_lab.fleet.timed_files import write_measurements
from probe_lab.fleet.timed_world import TimedName, TimedNetwork, TimedTry, TimedWorld

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NAME, STRUCK = "n0.p0.example", 64500
SLOW_H = (30.0, 78.0)
NETWORKS = tuple(TimedNetwork(cc="XA", asn=STRUCK + at, delay_s=0.02, jitter=0.1, probes=2) for at in range(3))
NAMES = tuple(TimedName(name=f"n{number}.p{prefix}.example", service="", prefix=prefix, trips=1, far_s=0.01)
              for prefix in range(4) for number in range(2 if not prefix else 1))


def hold_back(rng: object, made: TimedTry) -> TimedTry:
    """Two seconds, by name."""
    is_slow = (made.name.name, made.network.asn) == (NAME, STRUCK) and SLOW_H[0] <= made.hour < SLOW_H[1]
    return replace(made, handshake_s=made.handshake_s + 2.0 * is_slow)


def make_world(*, slow: bool = True) -> TimedWorld:
    """Five days."""
    return TimedWorld(seed=1, days=5, networks=NETWORKS, names=NAMES, causes=(hold_back,) if slow else ())


def analyse_world(folder: Path, world: TimedWorld) -> Analysis:
    """As `probe look` reads OONI's files."""
    write_measurements(world.list_tries(), folder / "measured.jsonl")
    (folder / "results").mkdir()
    import_files([str(folder / "measured.jsonl")], folder / "results", ImportTally(), lambda *fault: None)
    return analyse_results(folder / "results", folder / "out", now=NOW)
