"""Who measured on each day, and whose word counts there, from the runs of these days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis.expr.types as ir
import pandas as pd

from probe_analysis.cells.name_standing import NO_NAMES, DayNames, DayStanding, number_names
from probe_analysis.cells.run_standing import SplitNames
from probe_analysis.engines.engine import AnalysisEngine


def list_by_day(engine: AnalysisEngine, rows: ir.Table) -> dict[str, pd.DataFrame]:
    """The rows of a small table with a column `day`, by day."""
    parts = [batch.to_pandas() for batch in engine.batches(rows) if batch.num_rows]
    return {str(day): part for day, part in pd.concat(parts).groupby("day", sort=True)} if parts else {}


def read_day_names(engine: AnalysisEngine, runs: ir.Table, days: Sequence[str]) -> dict[str, DayNames]:
    """Who measured on each day, by the runs that are sound in themselves."""
    made = dict.fromkeys(days, NO_NAMES)
    measured = runs.filter(runs.sound).select("day", "probe_id", "probe_cc", "probe_asn").distinct()
    for day, rows in list_by_day(engine, measured).items():
        if day in made:
            made[day] = number_names(rows["probe_id"], rows["probe_cc"], rows["probe_asn"])
    return made


def split_names(engine: AnalysisEngine, runs: ir.Table, days: Sequence[str],
                standing: Mapping[str, DayStanding]) -> SplitNames:
    """Who of those whose runs are good for something on these days counts; `runs` are of these days."""
    made = SplitNames(unknown=[day for day in days if not standing[day].vouched],
                      young=[day for day in days if standing[day].unknown])
    measured = runs.filter(runs.reason == "").select("day", "probe_id", "probe_cc", "probe_asn").distinct()
    for day, rows in list_by_day(engine, measured).items():
        counts = standing[day].who_counts(rows["probe_id"], rows["probe_cc"], rows["probe_asn"])
        for cc, asn, name, known in zip(rows["probe_cc"], rows["probe_asn"], rows["probe_id"], counts, strict=True):
            place = f"{day} {cc} {asn}"
            if known:
                made.known.append(f"{place} {name}")
                made.settled.add(place)
            elif not standing[day].unknown:
                made.fresh.append(f"{place} {name}")
    return made
