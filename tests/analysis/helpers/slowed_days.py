"""Result files of days on which one service is slowed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from population_days import BEGIN
from probe.core.runs import Run, RunResult, Vantage
from probe.core.verdicts import Verdict
from probe.store.runs.run_writer import write_run
from probe_analysis.population.opened_hours import HourWishes, open_hours
from probe_analysis.slowed.slowed_rows import Row, list_slowed


def write_days(folder: Path, *, columns: bool = True, services: Sequence[str] = "abce") -> None:
    """Runs every two hours: the first service is slowed in one network from the third day on; the last is a control."""
    for asn, cc in ((1, "RU"), (2, "DE")):
        for hour in range(0, 24 * 6, 2):
            start = BEGIN + timedelta(hours=hour)
            time = start.strftime("%Y-%m-%dT%H:%M:%SZ")
            is_slow = cc == "RU" and hour >= 48
            verdicts = tuple(
                Verdict(target_id=f"{name}.chat.x", service=name, role="control" if name == services[-1] else "chat",
                        input=f"https://{name}.example/", outcome="ok",
                        troubled=f"{2 if is_slow and name == services[0] else 0}/3" if columns else "",
                        troubled_beside="0/1" if columns else "") for name in services)
            run = Run(run_id=f"r{asn}-{start:%m%dT%H}", measurement_start_time=time, measurement_end_time=time,
                      vantage=Vantage(probe_id=f"p{asn}", probe_cc=cc, probe_asn=asn))
            write_run(RunResult(run=run, observations=(), controls=(), verdicts=verdicts, services=()),
                      folder / "results", parquet=hour % 4 == 0, known_new=True)


def list_slowed_in(folder: Path, out: Path, **wishes: Any) -> list[Row]:
    """The suspicions in a results folder."""
    with open_hours(folder, out, HourWishes(**{"lab": False} | wishes)) as opened:
        return list_slowed(opened.kept)
