"""Lists of one's own, as a person tries them: a long one with a few servers that nobody's authority signed for, and one
of three addresses."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.chain import different_hosts
from benchmark.figure import Figure, middle
from benchmark.inside import Ran, clean_world, endpoints, run_probe
from probe.core.endpoints import Endpoint
from probe_lab.laboratory import Laboratory

RTT_MS = 50.0
ROUNDS = 3
LONG, PRIVATE, SHORT = 64, 4, 3
LONG_WALL_S = 6.0
SHORT_WALL_S = 5.0
SHORT_TRAFFIC_MB = 0.5


def measure() -> list[Figure]:
    """Wall time and traffic of both lists, without helpers."""
    rows = endpoints()
    private = private_hosts(rows)[:PRIVATE]
    long = (*different_hosts(rows)[: LONG - len(private)], *private)
    drawn = replace(clean_world(rtt_ms=RTT_MS), targets=long)
    with Laboratory(drawn, helpers=False) as laboratory, tempfile.TemporaryDirectory(prefix="probe-bench-") as folder:
        many = _run(laboratory, Path(folder), long)
        few = _run(laboratory, Path(folder), long[:SHORT])
    return [
        *_figures(f"{LONG} URLs, {PRIVATE} with private authorities", many, at_most_s=LONG_WALL_S),
        *_figures("three URLs", few, at_most_s=SHORT_WALL_S, at_most_mb=SHORT_TRAFFIC_MB),
    ]


def private_hosts(rows: Sequence[Endpoint]) -> tuple[str, ...]:
    """One https page of each host whose certificate a list, which knows nothing of authorities, refuses."""
    found = {e.host: e.input for e in rows if e.protocol == "http" and e.trust == "signal_root" and not e.address}
    return tuple(found.values())


def _run(laboratory: Laboratory, folder: Path, urls: Sequence[str]) -> list[Ran]:
    file = folder / f"{len(urls)}.txt"
    file.write_text("".join(f"{url}\n" for url in urls))
    return [run_probe(laboratory, "--fast", "--catalogue", str(file)) for _ in range(ROUNDS)]


def _figures(label: str, runs: Sequence[Ran], *, at_most_s: float, at_most_mb: float | None = None) -> list[Figure]:
    result = runs[-1].result
    outcomes = Counter(v.outcome for v in result.verdicts)
    return [
        middle(f"{label}: wall", [r.wall_s for r in runs], unit="s", at_most=at_most_s),
        middle("  IP packets, both directions", [r.packet_bytes / 1e6 for r in runs], unit="MB", at_most=at_most_mb),
        Figure(label="  observations", value=result.run.n_observations,
               note=", ".join(f"{n} {word}" for word, n in outcomes.most_common())),
    ]
