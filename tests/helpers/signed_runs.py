"""Runs that are signed as a volunteer's are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from probe.config.month_key import MonthKey, make_month_key
from probe.core.observations import KeptPacket
from probe.core.runs import RunResult
from probe.store.runs.run_reader import read_runs
from probe.store.runs.run_writer import write_run
from stored import a_result

KEY, OTHER_KEY = make_month_key(b"k" * 32), make_month_key(b"o" * 32)


def named(result: RunResult, run_id: str = "", *, end: str = "", key: MonthKey = KEY) -> RunResult:
    """The run under the key's name, as a data set takes it."""
    run, run_id = result.run, run_id or result.run.run_id
    vantage = replace(run.vantage, probe_id=key.name, lab=False)
    own = tuple(replace(seen, run_id=run_id) for seen in result.observations)
    return replace(result, observations=own, run=replace(
        run, run_id=run_id, vantage=vantage, schema_version="1", measurement_end_time=end, columns_version=0,
        public_key="", digests=(), signature=""))


def signed_days(folder: Path, *, parquet: bool, packets: tuple[KeptPacket, ...] = ()) -> dict[str, RunResult]:
    """Two signed runs of one day in a folder, as they are read from there."""
    for name in ("r-a", "r-b"):
        result = replace(named(a_result(name, text=f"=1\n{name}")), packets=packets)
        write_run(result, folder, parquet=parquet, signer=KEY)
    return {result.run.run_id: result for result in read_runs(folder)}
