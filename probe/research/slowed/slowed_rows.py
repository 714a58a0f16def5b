"""From result files to suspicions of services that are slowed, as rows."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from probe.research.cells import cell_expressions as cell
from probe.research.cells.cell_inputs import FileGroup, find_inputs, split_readable
from probe.research.engines.duckdb_engine import DuckDB
from probe.research.slowed import planned_counts
from probe.research.slowed.slowed_services import QuarterTally, SlowedService, Tally, find_slowed

MOST_DAYS = 60
"""So many of the latest days are looked at."""
_NO_COLUMN: Mapping[str, str | bool] = {**dict.fromkeys((*cell.OPTIONAL, *planned_counts.OPTIONAL), ""),
                                        "confirmed": False}
Row = Mapping[str, Any]


def list_slowed(directory: Path, out: Path, *, now: datetime, lab: bool = False, memory_mb: int = 2500,
                threads: int = 0) -> list[Row]:
    """Read result folders; what does not fit the memory goes to a temporary folder in `out`. Raises StoreError.

    Columns: probe_cc, probe_asn, service, first_day, last_day, onset (whether a day without trouble came before), n,
    troubled, others_n, others_troubled, elsewhere_n, elsewhere_troubled, beside_n, beside_troubled, by_name,
    not_ruled_out.
    """
    engine = DuckDB(memory_mb=memory_mb, threads=threads or os.cpu_count() or 1, temporary=out)
    try:
        return [_make_row(one) for one in find_slowed(_read_tallies(directory, engine, now, lab))]
    finally:
        engine.close()


def _read_tallies(directory: Path, engine: DuckDB, now: datetime, lab: bool) -> list[QuarterTally]:
    required = {"runs": frozenset(cell.RUN) - cell.OPTIONAL,
                "verdicts": frozenset(planned_counts.VERDICT) - planned_counts.OPTIONAL}
    inputs = find_inputs(directory, required=required, tables=("runs", "verdicts"), portion_rows=engine.portion_rows)
    days = sorted(inputs.days)[-MOST_DAYS:]
    files = _list_whole([group for chunk in inputs.chunks for group in chunk.of("runs")], cell.RUN)
    if not files:
        return []
    judged = cell.judge_runs(engine.read(files, cell.RUN, _NO_COLUMN), now=now, lab=lab)
    runs = engine.keep(judged.filter(judged.day.isin(days)))
    engine.hold()
    found: list[QuarterTally] = []
    for chunk in (chunk for chunk in inputs.chunks if not set(days).isdisjoint(chunk.days)):
        if verdicts := _list_whole(chunk.of("verdicts"), planned_counts.VERDICT):
            raw = engine.read(verdicts, planned_counts.VERDICT, _NO_COLUMN)
            for batch in engine.batches(planned_counts.count_planned(raw, runs)):
                found += [_make_tally(row) for row in batch.to_pylist()]
        engine.torn()
        engine.release()
    return found


def _list_whole(groups: Sequence[FileGroup], columns: Sequence[str]) -> list[FileGroup]:
    """The files that can be read to their end."""
    return [whole for group in groups if (whole := split_readable(group, columns)[0]).files]


def _make_tally(row: Row) -> QuarterTally:
    names = ("made", "troubled", "beside", "beside_troubled", "probes")
    return QuarterTally(network=(row["cc"], row["asn"]), service=row["service"], quarter=row["quarter"],
                        counted=Tally(**{name: int(row[name]) for name in names}))


def _make_row(one: SlowedService) -> Row:
    return {
        "probe_cc": one.network[0], "probe_asn": one.network[1], "service": one.service,
        "first_day": _name_day(one.first_day), "last_day": _name_day(one.last_day), "onset": one.has_onset,
        "n": one.own.made, "troubled": one.own.troubled, "others_n": one.others.made,
        "others_troubled": one.others.troubled, "elsewhere_n": one.elsewhere.made,
        "elsewhere_troubled": one.elsewhere.troubled, "beside_n": one.own.beside,
        "beside_troubled": one.own.beside_troubled, "by_name": one.by_name, "not_ruled_out": list(one.not_ruled_out),
    }


def _name_day(day: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date().isoformat()


def describe_slowed(row: Row) -> str:
    """In a sentence; text of others is for the caller to neutralise."""
    name = " The name matters: innocent ones at its addresses are spared." if row["by_name"] else ""
    open_ = f" Not ruled out: {', '.join(row['not_ruled_out'])}." if row["not_ruled_out"] else ""
    return (f"Suspected to be slowed: {row['service']} in {row['probe_cc']}-AS{row['probe_asn']}, "
            f"{row['first_day']} to {row['last_day']}: {row['troubled']} of {row['n']} planned connections failed or "
            f"lost something, of other services' {row['others_troubled']} of {row['others_n']}, of its own in other "
            f"countries {row['elsewhere_troubled']} of {row['elsewhere_n']}.{name}{open_}")
