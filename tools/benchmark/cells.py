"""From the rows of a made-up fleet to cells, events and the page: seconds and memory as the rows grow, beside pandas.

PROBE_BENCH_ROWS holds the numbers of rows in millions, `1,10` where it is not set; `1,10,100` takes 7 minutes more, and
1 GB in the folder for temporary files. Pandas counts the cells alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmark.figure import Figure
from probe_lab.fleet.fleet_rows import write_rows
from probe_lab.fleet.fleet_world import FleetSize

_HERE = Path(__file__).parent
_PEER_MILLIONS = 10
"""Beyond, pandas would need more memory than most machines have."""
_BOUND_MILLIONS, _BOUND_S, _BOUND_MB = 100, 90.0, 4096.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Took:
    wall_s: float
    cpu_s: float
    peak_mb: float


def measure() -> list[Figure]:
    """Wall and CPU seconds and peak memory of `probe analyse` and `probe report`, for each number of rows."""
    figures = []
    for millions in map(float, os.environ.get("PROBE_BENCH_ROWS", "1,10").split(",")):
        with tempfile.TemporaryDirectory(prefix="probe-bench-") as folder:
            place = Path(folder)
            rows = make_rows(place / "results", int(millions * 1_000_000))
            out = str(place / "out")
            cells = _took(["-m", "probe", "analyse", str(place / "results"), "--lab", "--out", out], place)
            page = _took(["-m", "probe", "report", out], place)
            bound = millions >= _BOUND_MILLIONS
            figures += [
                Figure(label=f"{millions:g} M verdicts", value=cells.wall_s + page.wall_s, unit="s",
                       at_most=_BOUND_S if bound else None,
                       note=f"the page {page.wall_s:.1f} s of it; {cells.cpu_s + page.cpu_s:.1f} s of processors; "
                            f"{rows:,} rows of three tables"),
                Figure(label=f"{millions:g} M verdicts, memory", value=max(cells.peak_mb, page.peak_mb), unit="MB",
                       at_most=_BOUND_MB),
            ]
            if millions <= _PEER_MILLIONS:
                peer = _took([str(_HERE / "pandas_cells.py"), str(place / "results")], place)
                figures.append(Figure(label=f"{millions:g} M verdicts, pandas", value=peer.wall_s, unit="s",
                                      note=f"{peer.cpu_s:.1f} s of processors, {peer.peak_mb:,.0f} MB"))
    return figures


def make_rows(out: Path, rows: int, *, seed: int = 1) -> int:
    """Write so many verdicts of the simulated fleet or more, and what belongs to them: rows of all three tables."""
    written = write_rows(rows, out, seed, FleetSize(targets=2))
    return written.verdicts + written.services + written.runs


def _took(arguments: list[str], place: Path) -> _Took:
    report = place / "usage.json"
    command = [sys.executable, str(_HERE / "watched.py"), str(report), sys.executable, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    usage = json.loads(report.read_text())
    return _Took(wall_s=usage["wall_s"], cpu_s=usage["cpu_s"], peak_mb=usage["peak_kib"] / 1024)
