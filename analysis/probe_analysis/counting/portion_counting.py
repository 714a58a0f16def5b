"""The cells of some days at once, by an engine, and what of these days counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from probe_analysis.cells import cell_expressions as cell
from probe_analysis.cells.cell_inputs import DayChunk, FileGroup, UnreadableFile, split_readable
from probe_analysis.cells.cell_schema import SCHEMA
from probe_analysis.cells.hello_cells import add_hellos, add_no_hellos
from probe_analysis.cells.left_out_list import MAX_LISTED, RowListener
from probe_analysis.cells.name_standing import DayStanding
from probe_analysis.cells.row_quality import FRESH, OTHER_SIDE
from probe_analysis.cells.run_standing import set_aside
from probe_analysis.counting.day_counts import DayCount, day_in, name_day
from probe_analysis.counting.day_names import split_names
from probe_analysis.engines.engine import AnalysisEngine, EngineError, fetch_rows

DEFAULTS: dict[str, str | bool] = {**dict.fromkeys(cell.OPTIONAL, ""), "confirmed": False}
"""What counts for a column that a file lacks."""


@dataclass(slots=True, kw_only=True)
class _Table:
    """The rows of one table in one portion."""

    name: str
    judged: ir.Table
    names: ir.Table
    facts: ir.Table
    conflicts: frozenset[int] = frozenset()

    def sound(self) -> ir.Table:
        return self.facts.filter(self.facts.reason == "")


def choose_key(engine: AnalysisEngine, names: ir.Table) -> list[str]:
    """Columns that tell names of `number_names` apart. By a target's name alone, if each has one service and role, rows
    are joined in a fourth of the time."""
    if "target_id" not in names.columns:
        return ["service", "role"]
    (found,) = fetch_rows(engine, cell.count_keys(names))
    return ["target_id"] if found["names"] == found["keys"] else ["target_id", "service", "role"]


@dataclass(slots=True, kw_only=True)
class PortionCounter:
    """Counts portions, day by day into `days`."""

    engine: AnalysisEngine
    listing: RowListener | None
    standing: Mapping[str, DayStanding] = field(default_factory=dict)
    """Who counts on each day."""
    days: dict[str, DayCount] = field(default_factory=dict)
    noted: set[Path] = field(default_factory=set)
    """Files that are left out whole, and were counted."""

    def of(self, day: str) -> DayCount:
        """What was counted of a day so far."""
        return self.days.setdefault(day, DayCount())

    def judge_runs(self, groups: Sequence[FileGroup], *, framed: bool, now: datetime, lab: bool) -> ir.Table:
        """The runs in files of runs, each judged; `framed`: the files are of other tables, and tell of their runs."""
        columns = cell.FRAME if framed else cell.RUN

        def judged(some: Sequence[FileGroup]) -> ir.Table:
            raw = self.engine.read(some, columns, DEFAULTS)
            return self.engine.keep(cell.judge_runs(cell.make_run_frames(raw) if framed else raw, now=now, lab=lab))

        try:
            return judged(groups)
        except EngineError:
            whole = self._without_broken(groups, columns)
            if whole == list(groups) or not whole:
                raise
            return judged(whole)

    def note_runs(self, runs: ir.Table) -> None:
        """Count the runs, and list those that count for nothing."""
        counts = runs.group_by(["day", "reason"]).agg(rows=ibis._.count())
        for row in fetch_rows(self.engine, counts):
            if not row["reason"]:
                self.of(row["day"]).runs += row["rows"]
            elif row["reason"] != OTHER_SIDE:
                self.of(row["day"]).bad_runs[row["reason"]] += row["rows"]
        if self.listing:
            bad = runs.filter(~runs.reason.isin(["", OTHER_SIDE])).select("run_id", "reason")
            for batch in self.engine.batches(bad.order_by(["run_id", "reason"])):
                self.listing([{"table": "runs", **row} for row in batch.to_pylist()])

    def count(self, chunk: DayChunk, runs: ir.Table) -> Iterator[pa.Table]:
        """The cells of some days, in their order; `runs` are those of all days."""
        runs = self._without_fresh(self.engine.keep(runs.filter(runs.day.isin(list(chunk.days)))), chunk.days)
        verdicts = self._table("verdicts", ("target_id", "service", "role"), cell.VERDICT, chunk, runs)
        services = self._table("services", ("service", "role"), cell.SERVICE, chunk, runs)
        tables = [table for table in (verdicts, services) if table is not None]
        self._settle(tables)
        for table in tables:
            self._list_rejected(table)
        if not (cells := self._cells(verdicts, services, runs)):
            return
        whole = ibis.union(*cells) if len(cells) > 1 else cells[0]
        for batch in self.engine.batches(whole.order_by(list(cell.NUMBERED_ORDER)).select(*cell.COLUMNS)):
            if batch.num_rows:
                yield pa.Table.from_batches([batch]).select(SCHEMA.names).cast(SCHEMA)

    def _without_fresh(self, runs: ir.Table, days: Iterable[str]) -> ir.Table:
        """The runs with their standing; those of fresh names beside established ones count for nothing."""
        names = split_names(self.engine, runs, list(days), self.standing)
        runs = self.engine.keep(set_aside(runs, names))
        if names.fresh:
            self._note_fresh(runs.filter(runs.reason == FRESH))
        return runs

    def _note_fresh(self, fresh: ir.Table) -> None:
        for row in fetch_rows(self.engine, fresh.group_by("day").agg(rows=ibis._.count())):
            self.of(row["day"]).runs -= row["rows"]
            self.of(row["day"]).bad_runs[FRESH] += row["rows"]
        if self.listing:
            for batch in self.engine.batches(fresh.select("run_id", "reason").order_by("run_id")):
                self.listing([{"table": "runs", **row} for row in batch.to_pylist()])

    def note_files(self, files: Sequence[UnreadableFile]) -> None:
        """Count and list files that are left out whole, each once."""
        fresh = [bad for bad in files if bad.path not in self.noted]
        self.noted |= {bad.path for bad in fresh}
        for bad in fresh:
            self.of(day_in(str(bad.path))).rejected[bad.word] += 1
        if self.listing:
            self.listing([{"table": bad.table, "reason": bad.word, "file": str(bad.path),
                           "why": f"the file {bad.reason}"} for bad in fresh])

    def note_torn(self, table: str) -> None:
        """Count and list the lines that could not be read since the last time."""
        torn = self.engine.torn()
        for line in torn:
            day = self.of(day_in(line.path))
            day.rejected["torn"] += 1
            day.rows[table] += 1
        if self.listing and torn:
            self.listing([{"table": table, "reason": "torn", "file": line.path, "line": line.line or ""}
                          for line in torn])

    def _without_broken(self, groups: Sequence[FileGroup], columns: Sequence[str]) -> list[FileGroup]:
        """Groups without the files that cannot be read to their end, which are counted and listed."""
        whole = []
        for group in groups:
            sound, bad = split_readable(group, columns)
            self.note_files(bad)
            whole += [sound] if sound.files else []
        return whole

    def _table(self, name: str, names: tuple[str, ...], columns: tuple[str, ...], chunk: DayChunk,
               runs: ir.Table) -> _Table | None:
        wanted = ("run_id", *columns)
        try:
            return self._judged(name, names, wanted, chunk.of(name), runs)
        except EngineError:
            groups = self._without_broken(chunk.of(name), wanted)
            if groups == list(chunk.of(name)):
                raise
            return self._judged(name, names, wanted, groups, runs)

    def _judged(self, name: str, names: tuple[str, ...], wanted: tuple[str, ...], groups: Sequence[FileGroup],
                runs: ir.Table) -> _Table | None:
        if not groups:
            return None
        raw = self.engine.read(groups, wanted, DEFAULTS)
        self.note_torn(name)
        known = self.engine.keep(cell.number_names(raw, names))
        judged = cell.judge_rows(raw, runs, known, choose_key(self.engine, known))
        return _Table(name=name, judged=judged, names=known, facts=self.engine.keep(cell.make_facts(judged)))

    def _settle(self, tables: Sequence[_Table]) -> None:
        """Take rows that came twice once, and no row of a run that comes in two versions."""
        crowded = {table.name for table in tables if self._has_twins(table)}
        conflicts: dict[int, int] = {}
        for table in tables:
            if table.name in crowded:
                different = table.sound().distinct()
                several = different.group_by(["run_no", "day_no", "key_no"]).agg(times=ibis._.count())
                two = several.filter(several.times > 1).select("run_no", "day_no").distinct()
                conflicts |= {row["run_no"]: row["day_no"] for row in fetch_rows(self.engine, two)}
        for table in tables:
            if conflicts:
                table.conflicts = frozenset(conflicts)
                torn = (table.facts.reason == "") & table.facts.run_no.isin(sorted(conflicts))
                table.facts = self.engine.keep(table.facts.mutate(
                    reason=ibis.cases((torn, "conflict"), else_=table.facts.reason)))
            self._take_once(table, crowded=table.name in crowded)
        for number in conflicts.values():
            self.of(name_day(number)).runs -= 1
            self.of(name_day(number)).bad_runs["conflict"] += 1

    def _take_once(self, table: _Table, *, crowded: bool) -> None:
        before = self._sizes(table)
        if crowded:
            sound = self.engine.keep(table.sound().distinct())
            table.facts = ibis.union(sound, table.facts.filter(table.facts.reason != ""))
        after = self._sizes(table) if crowded else before
        for (day, reason), rows in before.items():
            count = self.of(day)
            count.rows[table.name] += rows
            count.used[table.name] += after[day, reason] if not reason else 0
            if not reason:
                count.duplicates[table.name] += rows - after[day, reason]
            elif reason == OTHER_SIDE:
                count.other_side += rows
            else:
                count.rejected[reason] += rows

    def _has_twins(self, table: _Table) -> bool:
        """Whether a run says something twice of one target, or one role."""
        (found,) = fetch_rows(self.engine, cell.find_twins(table.sound()))
        return bool(found["twins"])

    def _sizes(self, table: _Table) -> dict[tuple[str, str], int]:
        counts = table.facts.group_by(["day_no", "reason"]).agg(rows=ibis._.count())
        return {(name_day(row["day_no"]), row["reason"]): row["rows"] for row in fetch_rows(self.engine, counts)}

    def _cells(self, verdicts: _Table | None, services: _Table | None, runs: ir.Table) -> list[ir.Table]:
        (totals,) = fetch_rows(self.engine, runs.aggregate(
            crowded=cell.as_count(runs.crowded).sum(), with_hello=cell.as_count(runs.hello != "").sum()))
        crowded, found = bool(totals["crowded"]), []

        def finish(cells: ir.Table, rows: cell.CountedRows, failures: ir.Table | None) -> ir.Table:
            return add_hellos(cells, rows, failures, runs) if totals["with_hello"] else add_no_hellos(cells)

        targets = cell.CountedRows(facts=verdicts.sound(), names=verdicts.names, crowded=crowded) if verdicts else None
        if targets:
            cells = cell.count_verdict_cells(targets, runs)
            found.append(finish(cells, targets, cell.list_failures(targets.facts)))
        if services:
            roles = cell.CountedRows(facts=services.sound(), names=services.names, crowded=crowded)
            blocked = self.engine.keep(cell.number_blocked(targets, roles)) if targets else None
            failures = self.engine.keep(cell.list_role_failures(targets, roles)) if targets else None
            cells = cell.count_role_cells(roles, blocked, failures, runs)
            found.append(finish(cells, roles, failures))
            whole = replace(roles, facts=self.engine.keep(cell.combine_services(roles)))
            cells = cell.count_service_cells(whole.facts, roles, blocked, failures, runs)
            failed = failures.drop("name_no").rename(name_no="service_no") if failures is not None else None
            found.append(finish(cells, whole, failed))
        return found

    def _list_rejected(self, table: _Table) -> None:
        if not self.listing or not any(count.rejected for count in self.days.values()):
            return
        judged = table.judged
        reason = judged.reason
        if table.conflicts:
            reason = ibis.cases(((reason == "") & judged.run_no.isin(sorted(table.conflicts)), "conflict"),
                                else_=reason)
        names = [name for name in ("target_id", "service", "role") if name in judged.columns]
        bad = judged.mutate(reason=reason)
        bad = bad.filter(~bad.reason.isin(["", OTHER_SIDE])).select("file", "run_id", "reason", *names)
        for batch in self.engine.batches(bad.order_by(["file", "run_id", *names]).limit(MAX_LISTED)):
            self.listing([{"table": table.name, **row} for row in batch.to_pylist()])
