"""From the rows of a made-up fleet to cells, events and the page: seconds and memory as the rows grow, beside pandas.

PROBE_BENCH_ROWS holds the numbers of rows in millions, `1,10` where it is not set; `1,10,100` takes 12 minutes more and
1.5 GB in the folder for temporary files. One day more is what an analysis costs when it goes on from the last. Pandas
counts the cells alone.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from benchmark.figure import Figure
from probe_lab.fleet.fleet_rows import TABLES_WRITTEN, write_rows
from probe_lab.fleet.fleet_world import FleetSize

_HERE = Path(__file__).parent
_PEER_MILLIONS = 10
"""Beyond, pandas would need more memory than most machines have."""
_BOUND_MILLIONS, _BOUND_S, _BOUND_MB, _AFTER_S = 100, 90.0, 2048.0, 10.0


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
            analyse = ["-m", "probe", "analyse", str(place / "results"), "--lab", "-o", out]
            late = hold_back(place / "results", place / "later")
            took(analyse, place)
            give_back(place / "results", place / "later")
            after = took(analyse, place)
            shutil.rmtree(out)
            cells = took(analyse, place)
            page = took(["-m", "probe", "report", out], place)
            bound = millions >= _BOUND_MILLIONS
            figures += [
                Figure(label=f"{millions:g} M verdicts", value=cells.wall_s + page.wall_s, unit="s",
                       at_most=_BOUND_S if bound else None,
                       note=f"the page {page.wall_s:.1f} s of it; {cells.cpu_s + page.cpu_s:.1f} s of processors; "
                            f"{rows:,} rows of three tables"),
                Figure(label=f"{millions:g} M verdicts, memory of the largest process", unit="MB",
                       value=max(cells.peak_mb, page.peak_mb), at_most=_BOUND_MB),
                Figure(label=f"{millions:g} M verdicts, one day more", value=after.wall_s, unit="s",
                       at_most=_AFTER_S if bound else None,
                       note=f"{late:,} new verdicts; {after.cpu_s:.1f} s of processors, {after.peak_mb:,.0f} MB"),
            ]
            if millions <= _PEER_MILLIONS:
                peer = took([str(_HERE / "pandas_cells.py"), str(place / "results")], place)
                figures.append(Figure(label=f"{millions:g} M verdicts, pandas", value=peer.wall_s, unit="s",
                                      note=f"{peer.cpu_s:.1f} s of processors, {peer.peak_mb:,.0f} MB"))
    return figures


def make_rows(out: Path, rows: int, *, seed: int = 1) -> int:
    """Write so many verdicts of the simulated fleet or more, and what belongs to them: rows of all three tables."""
    written = write_rows(rows, out, seed, FleetSize(targets=2))
    return written.verdicts + written.services + written.runs


def hold_back(results: Path, aside: Path) -> int:
    """Takes the last day away, and says how many verdicts it has; nothing where there is one day alone."""
    days = sorted(results.glob("parquet/verdicts/date=*"))
    if len(days) < 2:
        return 0
    rows = sum(int(pq.read_metadata(path).num_rows) for path in days[-1].glob("*.parquet"))
    for table in TABLES_WRITTEN:
        (aside / table).mkdir(parents=True)
        (results / "parquet" / table / days[-1].name).rename(aside / table / days[-1].name)
    return rows


def give_back(results: Path, aside: Path) -> None:
    """Puts what was held back in its place."""
    for day in aside.glob("*/date=*"):
        day.rename(results / "parquet" / day.parent.name / day.name)


def took(arguments: list[str], place: Path) -> _Took:
    """Seconds and peak memory of a call of Python with these arguments; `place`: a folder for what is noted."""
    report = place / "usage.json"
    command = [sys.executable, str(_HERE / "watched.py"), str(report), sys.executable, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    usage = json.loads(report.read_text())
    return _Took(wall_s=usage["wall_s"], cpu_s=usage["cpu_s"], peak_mb=usage["peak_kib"] / 1024)
