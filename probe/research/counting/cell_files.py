"""From result files to `cells.parquet`: portion by portion, with everything told that was left out."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from probe.core.progress import Progress, ignore_progress
from probe.core.stamps import format_time
from probe.research.cells import cell_expressions as cell
from probe.research.cells.cell_inputs import (
    CellInputs,
    DayChunk,
    FileGroup,
    UnreadableFile,
    find_inputs,
    split_readable,
)
from probe.research.cells.cell_schema import MEANINGS, SCHEMA
from probe.research.cells.file_names import ABOUT_FILE, CELLS_FILE
from probe.research.cells.left_out_list import MAX_LISTED, RowListener, write_left_out
from probe.research.cells.row_quality import OTHER_SIDE
from probe.research.engines.engine import AnalysisEngine, EngineError, fetch_rows
from probe.results.files.atomic import StoreError, make_folder, sync_folder, translate_os_errors

_GROUP_ROWS = 1 << 17
_DEFAULTS: dict[str, str | bool] = {**dict.fromkeys(cell.OPTIONAL, ""), "confirmed": False}


@dataclass(slots=True, kw_only=True)
class CellSummary:
    """What was read, what of it counted, and what became of it."""

    engine: str
    folders: int = 0
    days: int = 0
    runs: int = 0
    """Runs that count."""
    rows: Counter[str] = field(default_factory=Counter)
    """Table -> rows that were read."""
    used: Counter[str] = field(default_factory=Counter)
    """Table -> rows that count, each once."""
    duplicates: Counter[str] = field(default_factory=Counter)
    """Table -> rows that came again, alike."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Word of REASONS -> rows; of `file` files."""
    bad_runs: Counter[str] = field(default_factory=Counter)
    """Word of REASONS -> runs none of whose rows counts."""
    other_side: int = 0
    """Rows of the laboratory, or where those are wanted of all others."""
    cells: Counter[str] = field(default_factory=Counter)
    """Level -> cells."""
    first: str = ""
    last: str = ""
    """First and last hour with a cell."""


class _RowGroups:
    """Writes groups of as many rows, whatever portions they come in: so the file does not tell who computed it."""

    def __init__(self, file: pq.ParquetWriter) -> None:
        self._file = file
        self._waiting: list[pa.Table] = []

    def add(self, rows: pa.Table, *, last: bool = False) -> None:
        self._waiting.append(rows)
        if last or sum(table.num_rows for table in self._waiting) >= _GROUP_ROWS:
            table = pa.concat_tables(self._waiting)
            whole = table.num_rows if last else table.num_rows // _GROUP_ROWS * _GROUP_ROWS
            for start in range(0, whole, _GROUP_ROWS):
                self._file.write_table(table.slice(start, min(_GROUP_ROWS, whole - start)).combine_chunks())
            self._waiting = [table.slice(whole)]


@contextmanager
def _new_parquet(path: Path) -> Iterator[_RowGroups]:
    """A file that takes its place when it is whole."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with translate_os_errors(path):
            with pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as file:
                groups = _RowGroups(file)
                yield groups
                groups.add(SCHEMA.empty_table(), last=True)
            os.replace(temporary, path)
            sync_folder(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_cells(
    directory: Path, out: Path, engine: AnalysisEngine, *, now: datetime, lab: bool = False,
    rejected: Path | None = None, progress: Progress = ignore_progress,
) -> CellSummary:
    """Read result folders and write the cells to `out/cells.parquet`, what they mean beside it.

    With `lab` the laboratory's rows are counted and no others. Rows that cannot be used are counted by reason, and
    listed in the CSV file `rejected`. Raises StoreError where there is nothing to read or nowhere to write.
    """
    inputs = find_inputs(directory, required=_list_required(), tables=("runs", "verdicts", "services"),
                         portion_rows=engine.portion_rows)
    done = CellSummary(engine=engine.name, folders=len(inputs.folders), days=len(inputs.days))
    with write_left_out(rejected) as listing, _new_parquet(out / CELLS_FILE) as writer:
        note_files(inputs.bad, done, listing)
        work = _Work(engine=engine, done=done, listing=listing,
                     runs=_runs(engine, inputs, now, lab, done, listing))
        engine.hold()
        work.note_torn("runs")
        work.note_runs()
        for number, chunk in enumerate(inputs.chunks, start=1):
            work.count(chunk, writer)
            engine.release()
            progress(number, len(inputs.chunks))
    _write_about(out / ABOUT_FILE, done, lab)
    return done


def _list_required() -> dict[str, frozenset[str]]:
    return {
        "runs": frozenset(cell.RUN) - cell.OPTIONAL,
        "verdicts": frozenset(("run_id", *cell.VERDICT)) - cell.OPTIONAL,
        "services": frozenset(("run_id", *cell.SERVICE)),
    }


def _runs(engine: AnalysisEngine, inputs: CellInputs, now: datetime, lab: bool, done: CellSummary,
          listing: RowListener | None) -> ir.Table:
    """Every run, judged; where there are no runs files, from what the other rows say of their runs."""
    groups = [group for chunk in inputs.chunks for group in chunk.of("runs")]
    columns = cell.RUN if groups else cell.FRAME
    groups = groups or [group for chunk in inputs.chunks for group in chunk.groups
                        if set(cell.FRAME) - cell.OPTIONAL <= set(group.columns)]
    if not groups:
        raise StoreError(f"{inputs.folders[0] if inputs.folders else 'results'}: no file of runs can be read, and "
                         "the other tables do not say whose their rows are; restore the folder `runs`")

    def judged(some: Sequence[FileGroup]) -> ir.Table:
        raw = engine.read(some, columns, _DEFAULTS)
        return engine.keep(cell.judge_runs(raw if columns == cell.RUN else cell.make_run_frames(raw), now=now, lab=lab))

    try:
        return judged(groups)
    except EngineError:
        whole = without_broken(groups, columns, done, listing)
        if whole == groups or not whole:
            raise
        return judged(whole)


def without_broken(groups: Sequence[FileGroup], columns: Sequence[str], done: CellSummary,
                   listing: RowListener | None) -> list[FileGroup]:
    """Groups without the files that cannot be read to their end, which are counted and listed."""
    whole = []
    for group in groups:
        sound, bad = split_readable(group, columns)
        note_files(bad, done, listing)
        whole += [sound] if sound.files else []
    return whole


@dataclass(slots=True, kw_only=True)
class _Table:
    """The rows of one table in one chunk."""

    name: str
    judged: ir.Table
    names: ir.Table
    facts: ir.Table
    conflicts: frozenset[int] = frozenset()

    def sound(self) -> ir.Table:
        return self.facts.filter(self.facts.reason == "")


@dataclass(slots=True, kw_only=True)
class _Work:
    engine: AnalysisEngine
    done: CellSummary
    listing: RowListener | None
    runs: ir.Table

    def count(self, chunk: DayChunk, writer: _RowGroups) -> None:
        """The cells of some days."""
        runs = self.engine.keep(self.runs.filter(self.runs.day.isin(list(chunk.days))))
        verdicts = self._table("verdicts", ("target_id", "service", "role"), cell.VERDICT, chunk, runs)
        services = self._table("services", ("service", "role"), cell.SERVICE, chunk, runs)
        tables = [table for table in (verdicts, services) if table is not None]
        self._settle(tables)
        for table in tables:
            self._note_rejected(table)
        if cells := self._cells(verdicts, services, runs):
            self._write(ibis.union(*cells) if len(cells) > 1 else cells[0], writer)

    def _table(self, name: str, names: tuple[str, ...], columns: tuple[str, ...], chunk: DayChunk,
               runs: ir.Table) -> _Table | None:
        wanted = ("run_id", *columns)
        try:
            return self._judged(name, names, wanted, chunk.of(name), runs)
        except EngineError:
            groups = without_broken(chunk.of(name), wanted, self.done, self.listing)
            if groups == list(chunk.of(name)):
                raise
            return self._judged(name, names, wanted, groups, runs)

    def _judged(self, name: str, names: tuple[str, ...], wanted: tuple[str, ...], groups: Sequence[FileGroup],
                runs: ir.Table) -> _Table | None:
        if not groups:
            return None
        raw = self.engine.read(groups, wanted, _DEFAULTS)
        self.note_torn(name)
        known = self.engine.keep(cell.number_names(raw, names))
        judged = cell.judge_rows(raw, runs, known)
        return _Table(name=name, judged=judged, names=known, facts=self.engine.keep(cell.make_facts(judged)))

    def _settle(self, tables: Sequence[_Table]) -> None:
        """Take rows that came twice once, and no row of a run that comes in two versions."""
        crowded = {table.name for table in tables if self._has_twins(table)}
        conflicts: set[int] = set()
        for table in tables:
            if table.name in crowded:
                different = table.sound().distinct()
                several = different.group_by(["run_no", "key_no"]).agg(times=ibis._.count())
                two = several.filter(several.times > 1).select("run_no").distinct()
                conflicts |= {row["run_no"] for row in fetch_rows(self.engine, two)}
        for table in tables:
            if conflicts:
                table.conflicts = frozenset(conflicts)
                torn = (table.facts.reason == "") & table.facts.run_no.isin(sorted(conflicts))
                table.facts = self.engine.keep(table.facts.mutate(
                    reason=ibis.cases((torn, "conflict"), else_=table.facts.reason)))
            before = self._sizes(table)
            if table.name in crowded:
                sound = self.engine.keep(table.sound().distinct())
                table.facts = ibis.union(sound, table.facts.filter(table.facts.reason != ""))
            after = self._sizes(table) if table.name in crowded else before
            self.done.rows[table.name] += sum(before.values())
            self.done.used[table.name] += after.get("", 0)
            if twice := before.get("", 0) - after.get("", 0):
                self.done.duplicates[table.name] += twice
            self.done.other_side += before.pop(OTHER_SIDE, 0)
            self.done.rejected.update({reason: count for reason, count in before.items() if reason})
        if conflicts:
            self.done.runs -= len(conflicts)
            self.done.bad_runs["conflict"] += len(conflicts)

    def _has_twins(self, table: _Table) -> bool:
        """Whether a run says something twice of one target, or one role."""
        (found,) = fetch_rows(self.engine, cell.find_twins(table.sound(), by_bits=self.engine.bits))
        return bool(found["twins"])

    def _sizes(self, table: _Table) -> dict[str, int]:
        counts = table.facts.group_by("reason").agg(rows=ibis._.count())
        return {row["reason"]: row["rows"] for row in fetch_rows(self.engine, counts)}

    def _cells(self, verdicts: _Table | None, services: _Table | None, runs: ir.Table) -> list[ir.Table]:
        targets = cell.CountedRows(facts=verdicts.sound(), names=verdicts.names) if verdicts else None
        found = [cell.count_verdict_cells(targets, runs)] if targets else []
        if services:
            roles = cell.CountedRows(facts=services.sound(), names=services.names)
            blocked = self.engine.keep(cell.number_blocked(targets, roles)) if targets else None
            whole = self.engine.keep(cell.combine_services(roles))
            found += [cell.count_role_cells(roles, blocked, runs),
                      cell.count_service_cells(whole, roles, blocked, runs)]
        return found

    def _write(self, cells: ir.Table, writer: _RowGroups) -> None:
        for batch in self.engine.batches(cells.order_by(list(cell.NUMBERED_ORDER)).select(*cell.COLUMNS)):
            table = pa.Table.from_batches([batch]).select(SCHEMA.names).cast(SCHEMA)
            if not table.num_rows:
                continue
            writer.add(table)
            for count in table["level"].value_counts().to_pylist():
                self.done.cells[count["values"]] += count["counts"]
            self.done.first = self.done.first or format_time(table["cell_start"][0].as_py())
            self.done.last = format_time(table["cell_start"][-1].as_py())

    def note_torn(self, table: str) -> None:
        torn = self.engine.torn()
        if not torn:
            return
        self.done.rejected["torn"] += len(torn)
        self.done.rows[table] += len(torn)
        if self.listing:
            self.listing([{"table": table, "reason": "torn", "file": line.path, "line": line.line or ""}
                          for line in torn])

    def note_runs(self) -> None:
        """Count the runs, and list those that count for nothing."""
        counts = self.runs.group_by("reason").agg(rows=ibis._.count())
        found = Counter({row["reason"]: row["rows"] for row in fetch_rows(self.engine, counts)})
        self.done.runs = found.pop("", 0)
        found.pop(OTHER_SIDE, None)
        self.done.bad_runs = found
        if self.listing and found:
            bad = self.runs.filter(~self.runs.reason.isin(["", OTHER_SIDE])).select("run_id", "reason")
            for batch in self.engine.batches(bad.order_by(["run_id", "reason"])):
                self.listing([{"table": "runs", **row} for row in batch.to_pylist()])

    def _note_rejected(self, table: _Table) -> None:
        judged = table.judged
        if not self.listing or not self.done.rejected:
            return
        reason = judged.reason
        if table.conflicts:
            reason = ibis.cases(((reason == "") & judged.run_no.isin(sorted(table.conflicts)), "conflict"),
                                else_=reason)
        names = [name for name in ("target_id", "service", "role") if name in judged.columns]
        bad = judged.mutate(reason=reason)
        bad = bad.filter(~bad.reason.isin(["", OTHER_SIDE])).select("file", "run_id", "reason", *names)
        for batch in self.engine.batches(bad.order_by(["file", "run_id", *names]).limit(MAX_LISTED)):
            self.listing([{"table": table.name, **row} for row in batch.to_pylist()])


def note_files(files: Sequence[UnreadableFile], done: CellSummary, listing: RowListener | None) -> None:
    """Count and list files that are left out whole."""
    if files:
        done.rejected["file"] += len(files)
    if listing:
        listing([{"table": bad.table, "reason": "file", "file": str(bad.path), "why": f"the file {bad.reason}"}
                 for bad in files])


def _write_about(path: Path, done: CellSummary, lab: bool) -> None:
    from probe import __version__
    from probe.results.files.atomic import replace_file

    about = {"software_version": __version__, "lab": lab, **summary_to_json(done),
             "columns": [{"name": name, "meaning": MEANINGS[name]} for name in cell.COLUMNS]}
    replace_file(path, (json.dumps(about, indent=1) + "\n").encode())


def summary_to_json(done: CellSummary) -> dict[str, Any]:
    """The summary for a program."""
    return {
        "engine": done.engine, "folders": done.folders, "days": done.days, "runs": done.runs,
        "rows": dict(done.rows), "used": dict(done.used), "duplicates": dict(done.duplicates),
        "rejected": dict(done.rejected), "bad_runs": dict(done.bad_runs),
        "other_side": done.other_side, "cells": dict(done.cells), "first": done.first, "last": done.last,
    }
