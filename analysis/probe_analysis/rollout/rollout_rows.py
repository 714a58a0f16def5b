"""Reads from results what the first and the rest of a fleet found: a row for each probe, day and service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import ibis
import ibis.expr.types as ir

from probe.store.files.atomic import StoreError
from probe_analysis.cells import cell_expressions as cell
from probe_analysis.cells.cell_expressions import as_count, without_right
from probe_analysis.cells.cell_inputs import FileGroup, choose_days, list_days, list_readable, look_into, make_portions
from probe_analysis.cells.row_quality import has_sure_place, text
from probe_analysis.engines.duckdb_engine import DuckDB
from probe_analysis.engines.engine import fetch_rows

VersionColumn = Literal["catalogue_version", "software_version", "rules_version"]
MOST_ROWS = 2_000_000
_TOLD = ("tunnel", "vantage_doubt", "network_type")
_VERDICT = ("run_id", "target_id", "service", "role", "outcome")
_DECIDED = ("ok", "blocked", "down", "network", "local", "inconclusive")
_DEFAULTS: Mapping[str, str | bool] = dict.fromkeys(
    (*cell.OPTIONAL, *_TOLD, "catalogue_version", "software_version", "rules_version"), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutQuestion:
    """Whose verdicts of which days are compared."""

    column: VersionColumn
    first: str
    """The version that is tried."""
    rest: str = ""
    """The version that it is compared with; empty: every other one."""
    targets: frozenset[str] = frozenset()
    """Those that both have; empty: all."""
    added: frozenset[str] = frozenset()
    """Targets of the first alone."""
    gone: int = 0
    """How many targets the rest alone measure."""
    since: str = ""
    """The first day (YYYY-MM-DD) and the first that is not wanted; empty: all."""
    until: str = ""
    lab: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundShares:
    """Verdicts of one probe, day and service."""

    probe_id: str
    is_first: bool
    cc: str
    day: str
    service: str
    n: int
    ok: int
    blocked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedTarget:
    """What was found of a target that only the first measure."""

    target_id: str
    probes: int
    n: int
    ok: int
    blocked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRows:
    """The answer."""

    shares: tuple[FoundShares, ...] = ()
    added: tuple[AddedTarget, ...] = ()


def read_rollout(directory: Path, question: RolloutQuestion, *, now: datetime, temporary: Path) -> RolloutRows:
    """Reads the days of result folders. Runs without a name, behind a tunnel, or whose place is in doubt, do not count.
    Raises StoreError, also where there are no results."""
    _, by_day = list_days(directory, ("runs", "verdicts"))
    by_day = choose_days(by_day, question.since, question.until)
    required = {"runs": frozenset(cell.RUN) - cell.OPTIONAL, "verdicts": frozenset(_VERDICT)}
    groups = [group for chunk in make_portions(look_into(by_day, required).found, 1 << 62) for group in chunk.groups]
    runs, verdicts = ([group for group in groups if group.table == table] for table in ("runs", "verdicts"))
    engine = DuckDB(memory_mb=1000, temporary=temporary)
    try:
        return _ask(engine, list_readable(runs, (*cell.RUN, *_TOLD, question.column)),
                    list_readable(verdicts, _VERDICT), question, now)
    finally:
        engine.close()


def _ask(engine: DuckDB, runs: Sequence[FileGroup], verdicts: Sequence[FileGroup], question: RolloutQuestion,
         now: datetime) -> RolloutRows:
    if not (runs and verdicts):
        return RolloutRows()
    raw_runs = engine.read(runs, (*cell.RUN, *_TOLD, question.column), _DEFAULTS)
    chosen = engine.keep(_choose_runs(raw_runs, question, now))
    raw = engine.read(verdicts, _VERDICT, _DEFAULTS)
    rows = raw.select(**{name: text(raw[name]) for name in _VERDICT}, day_no=cell.day_number(raw.file))
    rows = rows.filter(rows.outcome.isin(_DECIDED), rows.role != "control").distinct()
    rows = engine.keep(without_right(rows.inner_join(chosen, ["run_id", "day_no"])))
    both = rows.filter(rows.target_id.isin(sorted(question.targets))) if question.targets else rows
    shares = fetch_rows(engine, both.group_by(["probe_id", "is_first", "cc", "day", "service"]).agg(
        **_count(both)).limit(MOST_ROWS + 1))
    if len(shares) > MOST_ROWS:
        raise StoreError("more probes and services than can be compared at once: choose fewer days with --days")
    added: list[dict[str, Any]] = []
    if question.added:
        new = rows.filter(rows.is_first, rows.target_id.isin(sorted(question.added)))
        added = fetch_rows(engine, new.group_by("target_id").agg(probes=new.probe_id.nunique(),
                                                                    **_count(new)))
    added.sort(key=lambda row: str(row["target_id"]))
    return RolloutRows(shares=tuple(FoundShares(**_plain(row)) for row in shares),
                       added=tuple(AddedTarget(**_plain(row)) for row in added))


def _count(rows: ir.Table) -> dict[str, ir.Value]:
    return {"n": rows.count(), **{word: as_count(rows.outcome == word).sum() for word in ("ok", "blocked")}}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """DuckDB sums whole numbers to decimals."""
    return row | {name: int(row[name]) for name in ("n", "ok", "blocked")}


def _choose_runs(raw: ir.Table, question: RolloutQuestion, now: datetime) -> ir.Table:
    """Name, place, day and group of every run that counts."""
    versions = raw.select(run_id=text(raw.run_id), version=text(raw[question.column]),
                          usable=has_sure_place(raw).cast("int8"))
    versions = versions.group_by("run_id").agg(version=versions.version.min(), usable=versions.usable.min())
    judged = cell.judge_runs(raw, now=now, lab=question.lab)
    judged = judged.filter(judged.reason == "", judged.probe_id != "")
    runs = without_right(judged.inner_join(versions.filter(versions.usable == 1), "run_id"))
    if question.rest:
        runs = runs.filter(runs.version.isin([question.first, question.rest]))
    return runs.select("run_id", "day", "day_no", "probe_id", cc="probe_cc",
                       is_first=runs.version == ibis.literal(question.first))
