"""From result files to `population.parquet` and `population.csv`: what many probes say together of what fails."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from probe.core.stamps import format_time
from probe.inference.populations.judge_population import PopulationVerdict, judge_population
from probe.inference.populations.population_evidence import PopulationEvidence
from probe.research.cells import cell_expressions as cell
from probe.research.cells.cell_inputs import CellInputs, DayChunk, find_inputs, split_readable
from probe.research.cells.file_names import POPULATION_FILE, POPULATION_TEXT
from probe.research.engines.duckdb_connection import open_duckdb
from probe.research.engines.duckdb_engine import DuckDB
from probe.research.engines.engine import AnalysisEngine, EngineError
from probe.research.population import probe_hours
from probe.research.population.evidence_rows import is_vantage_served, make_evidence
from probe.research.population.population_schema import SCHEMA
from probe.research.population.stretches import ProbeHours
from probe.results.files.atomic import replace_whole
from probe.results.files.text_cells import encode
from probe.results.schema import Column, Kind

MAX_TOLD = 10_000
"""So many rows are told beside the files."""
_OWN_PART, _LEAST_MB = 3, 150
"""The part of the memory in which probe-hours are kept; the rest is for reading the files."""
_GROUP_ROWS = 1 << 14
_UNTOLD = ("pop/too_few", "pop/one_witness", "pop/one_device", "pop/some_probes", "pop/comes_and_goes",
           "pop/line_unknown")
"""Rules whose rows are in the files alone: too little was seen."""
_TEXT = Column(name="", kind=Kind.TEXT, nullable=False, unit="", meaning="")
Row = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class PopulationSummary:
    """What came of it."""

    rows: int = 0
    """Rows of the files."""
    told: list[Row] = field(default_factory=list)
    """Rows that say something, the first MAX_TOLD; times as text."""


def write_population(directory: Path, out: Path, *, now: datetime, lab: bool = False, memory_mb: int = 2500,
                     threads: int = 0, since: str = "", until: str = "") -> PopulationSummary:
    """Read result folders and write what their probes say together to `out`. Raises StoreError.

    `since`, `until`: the first day (YYYY-MM-DD) and the first that is not wanted; no other is read. Whatever counts the
    cells, this is DuckDB's work; what does not fit `memory_mb` goes to a temporary folder. Where there are no files of
    runs or of verdicts the table is empty.
    """
    done = PopulationSummary()
    threads = threads or os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="probe-population-", dir=out) as folder:
        own_mb = max(_LEAST_MB, memory_mb // _OWN_PART)
        connection = open_duckdb(memory_mb=own_mb, threads=threads, folder=folder)
        try:
            hours = ProbeHours(connection, folder)
            engine = DuckDB(memory_mb=max(_LEAST_MB, memory_mb - own_mb), threads=threads, temporary=out)
            try:
                _gather(_find_files(directory, engine, since, until), engine, hours, now, lab)
            finally:
                engine.close()
            hours.find_stretches()
            with _open_files(out) as write:
                for stretch, networks, abroad in hours.read_stretches():
                    evidence = make_evidence(stretch, networks, abroad, hours.traits)
                    row = _make_row(stretch, evidence, judge_population(evidence), lab)
                    _note(done, row)
                    write(row)
        finally:
            connection.close()
    return done


def _find_files(directory: Path, engine: AnalysisEngine, since: str, until: str) -> CellInputs:
    return find_inputs(directory, required=_list_required(), tables=("runs", "verdicts", "observations", "controls"),
                       portion_rows=engine.portion_rows, since=since, until=until)


def _gather(inputs: CellInputs, engine: AnalysisEngine, hours: ProbeHours, now: datetime, lab: bool) -> None:
    if not any(chunk.of("runs") for chunk in inputs.chunks):
        return
    runs = _read_runs(inputs, engine, hours, now, lab)
    engine.hold()
    for chunk in inputs.chunks:
        if chunk.of("verdicts"):
            for batch in engine.batches(_read_hours(chunk, engine, runs, hours)):
                hours.add(batch)
        engine.torn()
        engine.release()


def _list_required() -> dict[str, frozenset[str]]:
    return {
        "runs": frozenset(probe_hours.RUN) - probe_hours.OPTIONAL,
        "verdicts": frozenset(probe_hours.VERDICT) - probe_hours.OPTIONAL,
        "observations": frozenset(("run_id",)), "controls": frozenset(("run_id",)),
    }


def _read_runs(inputs: CellInputs, engine: AnalysisEngine, hours: ProbeHours, now: datetime, lab: bool) -> ir.Table:
    days = inputs.chunks
    raw = _read(engine, [group for chunk in days for group in chunk.of("runs")], probe_hours.RUN)
    judged = engine.keep(cell.judge_runs(raw, now=now, lab=lab))
    traits = engine.keep(probe_hours.list_run_traits(raw))
    numbered = engine.keep(probe_hours.number_traits(traits))
    for batch in engine.batches(numbered):
        hours.add_traits(batch)
    return engine.keep(probe_hours.choose_runs(judged, traits, numbered))


def _read_hours(chunk: DayChunk, engine: AnalysisEngine, runs: ir.Table, hours: ProbeHours) -> ir.Table:
    """The probe-hours of some days; what controls saw in these goes to `hours`."""
    looks = resolvers = None
    if groups := chunk.of("observations"):
        seen = _read(engine, groups, probe_hours.OBSERVATION)
        looks, resolvers = (engine.keep(make(seen)) for make in (probe_hours.list_looks, probe_hours.list_resolvers))
    verdicts = _read(engine, chunk.of("verdicts"), (*probe_hours.VERDICT, "input"))
    names = engine.keep(cell.number_names(verdicts, ("target_id", "service", "role")))
    days = engine.keep(runs.filter(runs.day.isin(list(chunk.days))))
    if looks is not None and (groups := chunk.of("controls")):
        heard = probe_hours.list_vantages(_read(engine, groups, probe_hours.CONTROL), verdicts, days, looks)
        for batch in engine.batches(heard):
            hours.add_vantages(row for row in batch.to_pylist() if is_vantage_served(row))
    facts = engine.keep(probe_hours.make_facts(verdicts, days, names, looks, resolvers))
    return probe_hours.make_probe_hours(facts, days, names)


def _read(engine: AnalysisEngine, groups: Sequence[Any], columns: Sequence[str]) -> ir.Table:
    """These columns of those files that can be read to their end."""
    defaults: dict[str, str | bool] = {**dict.fromkeys(probe_hours.OPTIONAL, ""), "confirmed": False}
    try:
        return engine.read(groups, columns, defaults)
    except EngineError:
        whole = [sound for group in groups if (sound := split_readable(group, columns)[0]).files]
        if whole == list(groups) or not whole:
            raise
        return engine.read(whole, columns, defaults)


def _make_row(stretch: Row, evidence: PopulationEvidence, verdict: PopulationVerdict, lab: bool) -> Row:
    earlier = evidence.own.earlier.last_h
    return {
        "lab": lab, "probe_cc": stretch["cc"], "probe_asn": stretch["asn"], "service": stretch["service"],
        "role": stretch["role"], "target_id": stretch["target_id"], "onset": _moment(stretch["onset"]),
        "served_until": _moment(earlier) if earlier >= 0 else None, "last": _moment(stretch["last"]),
        "outcome": verdict.outcome, "block_type": verdict.block_type, "suspected": verdict.suspected,
        "basis": verdict.basis, "rule_id": verdict.rule_id, "not_excluded": " ".join(verdict.not_excluded),
        "n": verdict.n, "struck": verdict.struck, "witnesses": verdict.witnesses,
        "networks_alike": verdict.networks_alike, "witnesses_alike": verdict.witnesses_alike,
        "networks_spared": verdict.networks_spared, "countries_served": verdict.countries_served,
        "countries_struck": verdict.countries_struck, "others_alike": verdict.others_alike, "reason": verdict.why,
    }


def _moment(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3600, UTC)


def _note(done: PopulationSummary, row: Row) -> None:
    done.rows += 1
    if row["rule_id"] not in _UNTOLD and len(done.told) < MAX_TOLD:
        done.told.append({name: format_time(value) if isinstance(value, datetime) else value
                          for name, value in row.items()})


@contextmanager
def _open_files(out: Path) -> Iterator[Any]:
    """Both files, which take their places when they are whole; gives what writes a row."""
    waiting: list[Row] = []
    with (replace_whole(out / POPULATION_TEXT) as lines, replace_whole(out / POPULATION_FILE) as groups,
          pq.ParquetWriter(groups, SCHEMA, compression="zstd") as columnar,
          lines.open("w", encoding="utf-8", newline="") as file):
        plain = csv.writer(file, lineterminator="\r\n")
        plain.writerow(SCHEMA.names)

        def flush() -> None:
            columnar.write_table(pa.Table.from_pylist(waiting, schema=SCHEMA))
            waiting.clear()

        def write(row: Row) -> None:
            plain.writerow([_cell(row[name]) for name in SCHEMA.names])
            waiting.append(row)
            if len(waiting) >= _GROUP_ROWS:
                flush()

        yield write
        flush()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return encode(format_time(value) if isinstance(value, datetime) else str(value), _TEXT)
