"""From result files to the probe-hours of each day: those of days that changed are made, all others are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

import duckdb
import ibis.expr.types as ir
import numpy as np

from probe.store.archive.own_files import OwnFile
from probe_analysis.cells import cell_expressions as cell
from probe_analysis.cells.cell_inputs import (
    DayChunk,
    FileGroup,
    choose_days,
    list_days,
    list_readable,
    look_into,
    make_portions,
)
from probe_analysis.cells.name_standing import NO_NAMES, DayNames, DayStanding, VouchedNumbers, judge_days
from probe_analysis.cells.run_standing import set_aside
from probe_analysis.counting.day_names import read_day_names, split_names
from probe_analysis.counting.portion_counting import choose_key
from probe_analysis.day_cache.day_cache import KeptDay
from probe_analysis.day_cache.run_crossings import NO_RUNS, RunNumbers, find_crossings, number_runs
from probe_analysis.engines.engine import AnalysisEngine, EngineError, fetch_rows
from probe_analysis.population import hour_rows, planned_counts, probe_hours
from probe_analysis.population.evidence_rows import is_vantage_served
from probe_analysis.population.hour_files import DayRows, write_day
from probe_analysis.population.hour_rows import Beside
from probe_analysis.population.kept_hours import KeptHours, digest_program
from probe_analysis.tables.day_numbers import number_day
from probe_analysis.times import time_counts

TABLES = ("runs", "verdicts", "observations", "controls")
_REQUIRED: Mapping[str, frozenset[str]] = {
    "runs": frozenset(probe_hours.RUN) - probe_hours.OPTIONAL,
    "verdicts": frozenset(probe_hours.VERDICT) - probe_hours.OPTIONAL,
    "observations": frozenset(("run_id",)), "controls": frozenset(("run_id",)),
}
_VERDICT = tuple(dict.fromkeys((*probe_hours.VERDICT, "input", *planned_counts.VERDICT)))
_DEFAULTS: Mapping[str, str | bool] = {
    **dict.fromkeys((*probe_hours.OPTIONAL, *planned_counts.OPTIONAL, *time_counts.OBSERVATION[1:]), ""),
    "confirmed": False}
_OBSERVATION = tuple(dict.fromkeys((*probe_hours.OBSERVATION, *time_counts.OBSERVATION)))


@dataclass(frozen=True, slots=True, kw_only=True)
class HourTerms:
    """Which results are wanted, as whose, when, and who reads and who writes them."""

    engine: AnalysisEngine
    connection: duckdb.DuckDBPyConnection
    directory: Path
    now: datetime
    lab: bool
    vouched: VouchedNumbers | None = None
    """The collector's record of names, where there is one."""
    standing: Mapping[str, DayStanding] = field(default_factory=dict)
    """Who counts on each day."""
    since: str = ""
    """The first day (YYYY-MM-DD) and the first that is not wanted; empty: all days."""
    until: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Runs:
    """The runs of some days."""

    judged: ir.Table
    chosen: ir.Table
    """Those that count for the population, whoever made them."""
    traits: ir.Table


@dataclass(slots=True, kw_only=True)
class _Read:
    """The names of the runs of some days, and of who made them, as numbers."""

    numbers: dict[str, RunNumbers] = field(default_factory=dict)
    names: dict[str, DayNames] = field(default_factory=dict)
    unsettled: set[str] = field(default_factory=set)
    """Days with runs that lie in the future."""
    runs: _Runs | None = None
    """Those runs, which the engine keeps."""


def update_hours(kept: KeptHours, terms: HourTerms) -> None:
    """Make the probe-hours of the days whose files are others than they were; what is kept says the rest. Raises
    StoreError.
    """
    _, by_day = list_days(terms.directory, TABLES)
    by_day = choose_days(by_day, terms.since, terms.until)
    files = kept.digest_files(by_day, f"{digest_program()} {terms.lab}")
    fresh = [day for day in by_day if not kept.is_as_it_was(day, files[day], terms.now)]
    read = _read_names(by_day, fresh, terms)
    before = {day: kept_day.crossings for day, kept_day in kept.days.items() if day in by_day and day not in fresh}
    crossings = find_crossings(
        by_day, lambda day: read.numbers[day] if day in read.numbers else kept.numbers(day), fresh, before)
    standing = _judge_names(kept, by_day, read, terms)
    keys = {day: sha256(f"{files[day]} {standing[day].digest} ".encode()
                        + crossings.get(day, NO_RUNS).tobytes()).hexdigest() for day in by_day}
    made = [day for day in by_day if day in fresh or kept.days[day].key != keys[day]]
    numbers = {day: read.numbers.get(day, NO_RUNS) if day in fresh else kept.numbers(day) for day in made}
    names = {day: read.names.get(day, NO_NAMES) if day in fresh else kept.names(day) for day in made}
    settled = {day: day not in read.unsettled if day in fresh else kept.days[day].settled for day in made}
    kept.days = {day: kept_day for day, kept_day in kept.days.items() if day in by_day and day not in made}
    for day in made:
        kept.days[day] = KeptDay(files=files[day], key=keys[day], settled=settled[day],
                                 crossings=crossings.get(day, NO_RUNS))
        kept.keep_runs(day, keys[day], numbers[day], names[day])
    # Runs that two days hold count in neither, so days are judged beside those that they share runs with.
    beside = set(crossings) if not set(crossings).isdisjoint(made) else set()
    judged = [day for day in by_day if day in beside.union(made)]
    if judged != fresh:
        terms.engine.release()
        groups = _group(by_day, judged, "runs") if made else []
        read.runs = _judge_runs(groups, terms) if groups else None
    _make(kept, replace(terms, standing=standing), by_day, made, read.runs)
    kept.days |= {day: replace(kept.days[day], size=kept.measure(day, keys[day])) for day in made}
    kept.counted_at = terms.now.isoformat()
    kept.save()


def _read_names(by_day: Mapping[str, Sequence[OwnFile]], days: Sequence[str], terms: HourTerms) -> _Read:
    """What the runs of these days are called."""
    engine = terms.engine
    read = _Read(numbers=dict.fromkeys(days, NO_RUNS), names=dict.fromkeys(days, NO_NAMES))
    groups = _group(by_day, days, "runs")
    if not groups:
        return read
    read.runs = _judge_runs(groups, terms)
    judged = read.runs.judged
    read.names = read_day_names(engine, judged, days)
    for batch in engine.batches(judged.select("day", "run_id", "reason")):
        for day, rows in batch.to_pandas().groupby("day", sort=False):
            found = number_runs(rows["run_id"].to_numpy(dtype=object))
            read.numbers[str(day)] = np.unique(np.concatenate([read.numbers.get(str(day), NO_RUNS), found]))
            if (rows["reason"] == "future").any():
                read.unsettled.add(str(day))
    engine.torn()
    return read


def _judge_names(kept: KeptHours, days: Iterable[str], read: _Read, terms: HourTerms) -> Mapping[str, DayStanding]:
    """Who counts on each day."""
    return judge_days(sorted(days), lambda day: read.names[day] if day in read.names else kept.names(day),
                      terms.vouched)


def _make(kept: KeptHours, terms: HourTerms, by_day: Mapping[str, Sequence[OwnFile]], days: Sequence[str],
          runs: _Runs | None) -> None:
    """Write what is kept of some days, whose runs were judged beside those of others."""
    engine = terms.engine
    engine.hold()
    looked = look_into({day: by_day[day] for day in days}, _REQUIRED)
    empty = set(days)
    for chunk in make_portions(looked.found, engine.portion_rows):
        if runs is not None and chunk.of("verdicts"):
            _write_readable(kept, terms, runs, chunk)
            empty.difference_update(chunk.days)
        engine.torn()
        engine.release()
    for day in sorted(empty):
        write_day(kept, day, terms.connection, DayRows())


def _write_readable(kept: KeptHours, terms: HourTerms, runs: _Runs, chunk: DayChunk) -> None:
    """What is kept of some days, but for files that cannot be read to their end."""
    try:
        _write_chunk(kept, terms, runs, chunk)
    except EngineError:
        whole = replace(chunk, groups=_list_whole(chunk.groups))
        if whole == chunk or not whole.of("verdicts"):
            raise
        terms.engine.release()
        _write_chunk(kept, terms, runs, whole)


def _list_whole(groups: Sequence[FileGroup]) -> tuple[FileGroup, ...]:
    return tuple(whole for group in groups for whole in list_readable([group], group.columns))


def _write_chunk(kept: KeptHours, terms: HourTerms, runs: _Runs, chunk: DayChunk) -> None:
    """The probe-hours of some days, and what controls saw in these."""
    engine = terms.engine
    looks = resolvers = seen = None
    if groups := chunk.of("observations"):
        seen = _read_table(engine, groups, _OBSERVATION)
        looks, resolvers = (engine.keep(make(seen)) for make in (probe_hours.list_looks, probe_hours.list_resolvers))
    verdicts = _read_table(engine, chunk.of("verdicts"), _VERDICT)
    names = engine.keep(cell.number_names(verdicts, ("target_id", "service", "role")))
    of_days = engine.keep(runs.judged.filter(runs.judged.day.isin(list(chunk.days))))
    split = split_names(engine, of_days, list(chunk.days), terms.standing)
    days = runs.chosen.filter(runs.chosen.day.isin(list(chunk.days)))
    days = engine.keep(probe_hours.leave_out_fresh(days, split))
    vantages = []
    if looks is not None and (groups := chunk.of("controls")):
        heard = engine.keep(probe_hours.list_vantages(_read_table(engine, groups, probe_hours.CONTROL), verdicts, days,
                                                      looks))
        vantages = [row for batch in engine.batches(heard) for row in batch.to_pylist() if is_vantage_served(row)]
    times = engine.keep(time_counts.count_times(seen, days, runs.traits, names)) if seen is not None else None
    planned = fetch_rows(engine, engine.keep(planned_counts.count_planned(verdicts, set_aside(of_days, split))))
    beside = Beside(runs=engine.keep(hour_rows.number_hours(days)), names=engine.keep(hour_rows.number_parts(names)),
                    key=choose_key(engine, names), looks=looks, resolvers=resolvers)
    hours = _make_hours(engine, verdicts, beside, runs.traits)
    for day in chunk.days:
        number = number_day(date.fromisoformat(day))
        own = hours.filter(hours.day == number)
        write_day(kept, day, terms.connection, DayRows(
            hours=engine.batches(own.order_by(list(hour_rows.ORDER)).select(*hour_rows.COLUMNS)),
            vantages=[row for row in vantages if row["hour"] // 24 == number],
            times=() if times is None else engine.batches(times.filter(times.hour // 24 == number)),
            planned=[row for row in planned if planned_counts.find_day_number(row["quarter"]) == number]))


def _make_hours(engine: AnalysisEngine, verdicts: ir.Table, beside: Beside, traits: ir.Table) -> ir.Table:
    served, failed = (engine.keep(made(verdicts, beside)) for made in (hour_rows.list_served, hour_rows.list_failed))
    lines = engine.keep(hour_rows.list_lines(served, failed))
    return engine.keep(hour_rows.make_hour_rows(served, failed, lines, beside, traits))


def _judge_runs(groups: Sequence[FileGroup], terms: HourTerms) -> _Runs:
    try:
        return _judge_some(groups, terms)
    except EngineError:
        whole = _list_whole(groups)
        if whole == tuple(groups) or not whole:
            raise
        return _judge_some(whole, terms)


def _judge_some(groups: Sequence[FileGroup], terms: HourTerms) -> _Runs:
    engine = terms.engine
    raw = _read_table(engine, groups, probe_hours.RUN)
    judged = engine.keep(cell.judge_runs(raw, now=terms.now, lab=terms.lab))
    traits = engine.keep(probe_hours.list_run_traits(raw))
    numbered = engine.keep(probe_hours.number_traits(traits))
    return _Runs(judged=judged, chosen=engine.keep(probe_hours.choose_runs(judged, traits, numbered)), traits=numbered)


def _group(by_day: Mapping[str, Sequence[OwnFile]], days: Sequence[str], table: str) -> list[FileGroup]:
    """The files of one table of some days that can be used."""
    own = {day: [one for one in by_day[day] if one.table == table] for day in days}
    found = look_into(own, _REQUIRED).found
    return [group for chunk in make_portions(found, 1 << 62) for group in chunk.groups]


def _read_table(engine: AnalysisEngine, groups: Sequence[FileGroup], columns: Sequence[str]) -> ir.Table:
    return engine.read(groups, columns, _DEFAULTS)
