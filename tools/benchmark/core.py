"""What most volunteers run: the core tier of the default catalogue, as fast as the network allows."""

from __future__ import annotations

from benchmark.figure import Figure, middle
from benchmark.inside import clean_world, run_probe
from probe_lab.laboratory import Laboratory

RTT_MS = 50.0
ROUNDS = 3
MAX_WALL_S = 6.0
MAX_PEAK_MB = 120.0
MAX_TRAFFIC_MB = 4.0


def measure() -> list[Figure]:
    """Wall time, peak memory and traffic, without helpers and with two."""
    drawn = clean_world(rtt_ms=RTT_MS)
    figures: list[Figure] = []
    for helpers in (False, True):
        with Laboratory(drawn, helpers=helpers) as laboratory:
            runs = [run_probe(laboratory, "--fast", "--tier", "1", helpers=helpers) for _ in range(ROUNDS)]
        about = "with helpers" if helpers else "without helpers"
        last = runs[-1].result.run
        figures += [
            middle(f"{about}: wall", [r.wall_s for r in runs], unit="s", at_most=MAX_WALL_S),
            middle("  processor time of the probe", [r.cpu_s for r in runs], unit="s"),
            middle("  peak memory", [r.peak_kib * 1024 / 1e6 for r in runs], unit="MB", at_most=MAX_PEAK_MB),
            middle("  IP packets, both directions", [r.packet_bytes / 1e6 for r in runs], unit="MB",
                   at_most=MAX_TRAFFIC_MB),
            Figure(label="  targets attempted", value=last.n_attempted,
                   note=f"{sum(v.outcome == 'ok' for v in runs[-1].result.verdicts)} ok, "
                        f"{last.n_observations} observations"),
        ]
    return figures
