"""From result files to `cells.parquet`: new days are counted, known ones kept, and what was left out is reported."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pyarrow as pa

from probe.core.progress import Progress, ignore_progress
from probe.store.archive.vouched_names import read_vouched_names
from probe.store.files.atomic import StoreError, replace_file
from probe_analysis.cells import cell_expressions as cell
from probe_analysis.cells.cell_inputs import DayChunk, choose_days, list_days
from probe_analysis.cells.cell_schema import MEANINGS
from probe_analysis.cells.file_names import ABOUT_FILE, CELLS_FILE, DAYS_FOLDER, EVENTS_FILE
from probe_analysis.cells.left_out_list import write_left_out
from probe_analysis.cells.name_standing import number_vouched
from probe_analysis.counting.cells_writer import NO_LAYOUT, open_cells
from probe_analysis.counting.day_counts import CellSummary, DayCount, add_up, summary_to_json
from probe_analysis.counting.day_plan import CountingTerms, DayPlan, plan_days
from probe_analysis.counting.known_days import KnownDay, KnownDays
from probe_analysis.counting.portion_counting import PortionCounter
from probe_analysis.day_cache.run_crossings import NO_RUNS
from probe_analysis.engines.engine import AnalysisEngine

_TABLES = ("runs", "verdicts", "services")


def write_cells(
    directory: Path, out: Path, engine: AnalysisEngine, *, now: datetime, lab: bool = False,
    rejected: Path | None = None, since: str = "", until: str = "", progress: Progress = ignore_progress,
) -> CellSummary:
    """Read result folders and write the cells to `out/cells.parquet`, what they mean beside it.

    Days that were counted before, and whose files are as they were, are taken from `out/days`; the outcome is the same,
    byte for byte. With `lab` the laboratory's rows are counted and no others. Rows that cannot be used are counted by
    reason, and listed in the CSV file `rejected`, for which every day is counted anew. `since`, `until`: the first day
    (YYYY-MM-DD) and the first that is not wanted. Raises StoreError where there is nothing to read or nowhere to write.
    """
    folders, by_day = list_days(directory, _TABLES)
    by_day = choose_days(by_day, since, until)
    if not by_day:
        raise StoreError(f"{directory}: no results of these days; see --since and --until")
    check_period(out, since, until)
    known = KnownDays.open(out / DAYS_FOLDER, directory)
    terms = CountingTerms(engine=engine.name, lab=lab, now=now, everything=rejected is not None,
                          vouched=number_vouched(read_vouched_names(directory)))
    done = CellSummary(engine=engine.name, folders=len(folders), since=since, until=until)
    with write_left_out(rejected) as listing:
        counter = PortionCounter(engine=engine, listing=listing)
        plan = plan_days(by_day, known, counter, terms)
        counter.standing = plan.standing
        counter.note_files(plan.looked.bad)
        counter.note_torn("runs")
        engine.hold()
        if plan.runs is not None:
            counter.note_runs(plan.runs.filter(plan.runs.day.isin(sorted(plan.counted))))
        _write_days(out / CELLS_FILE, plan, counter, progress)
    _keep(plan, counter, now)
    done.days = sum(map(plan.is_usable, by_day))
    add_up((known.days[day].count for day in by_day), done)
    _write_about(out / ABOUT_FILE, done, lab)
    known.save()
    return done


def check_period(out: Path, since: str, until: str) -> None:
    """Raises StoreError where the log of events is of other days: these alone would tell another story."""
    if not (out / EVENTS_FILE).exists():
        return
    try:
        about = json.loads((out / ABOUT_FILE).read_bytes())
        before = (str(about.get("since", "")), str(about.get("until", "")))
    except (OSError, ValueError, AttributeError):
        return
    if before != (since, until):
        period = " ".join(filter(None, (before[0] and f"--since {before[0]}", before[1] and f"--until {before[1]}")))
        raise StoreError(f"{out}: its events are those of {period or 'all days'}; give other days another --output")


def _write_days(path: Path, plan: DayPlan, counter: PortionCounter, progress: Progress) -> None:
    """Writes the cells of all days, and keeps those of each that was counted; nothing where all are as they were.

    Cells that are as they were, up to the first that are not, stay in the file as they lie there.
    """
    known, digest = plan.known, _digest_keys(plan.keys.values())
    if not plan.counted and known.cells == digest and path.is_file():
        return
    before, rows = known.layout, _rows_as_before(plan)
    known.cells, known.layout = "", NO_LAYOUT
    known.save()  # from here on a kill leaves cells of which nobody knows what they were made from
    with open_cells(path, before, rows) as writer:
        days, skipped = _days_from(plan, writer.kept_rows)
        portions = list(plan.portions(days, counter.engine.portion_rows))
        for number, portion in enumerate(portions, start=1):
            made = _count(portion, plan, counter) if isinstance(portion, DayChunk) else _take(portion, known)
            for cells in made:
                writer.add(cells.slice(skipped))
                skipped = 0
            progress(number, len(portions))
    known.cells, known.layout = digest, writer.layout


def _digest_keys(keys: Iterable[str]) -> str:
    return sha256("".join(keys).encode()).hexdigest()


def _rows_as_before(plan: DayPlan) -> int:
    """How many cells at the head of the file are those of days that have not changed since it was written."""
    known, rows = plan.known, 0
    before = sorted(known.days)
    if known.cells != _digest_keys(known.days[day].key for day in before):
        return 0
    for day, now in zip(before, plan.by_day, strict=False):
        if day != now or day in plan.counted or known.days[day].key != plan.keys[day]:
            break
        rows += known.days[day].count.cells.total()
    return rows


def _days_from(plan: DayPlan, row: int) -> tuple[list[str], int]:
    """The days from the one on that a cell lies in, and how many cells of that day come before it."""
    days = list(plan.by_day)
    while row and row >= (own := plan.known.days[days[0]].count.cells.total()):
        del days[0]
        row -= own
    return days, row


def _take(day: str, known: KnownDays) -> Iterator[pa.Table]:
    cells = known.read_cells(day)
    if cells is None:
        raise StoreError(f"{known.folder}: what is kept of {day} is damaged; remove the folder, and all is counted "
                         "again")
    yield cells


def _count(chunk: DayChunk, plan: DayPlan, counter: PortionCounter) -> Iterator[pa.Table]:
    """The cells of some days; each day's are kept."""
    assert plan.runs is not None  # since there is something to count
    waiting: dict[str, list[pa.Table]] = {day: [] for day in chunk.days}
    for cells in counter.count(chunk, plan.runs):
        for day, part in _by_day(cells):
            counter.of(day).add_cells(part)
            waiting.setdefault(day, []).append(part)
        yield cells
    for day, parts in waiting.items():
        plan.known.keep_cells(day, plan.keys[day], parts)
    counter.engine.release()


def _by_day(cells: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Cells, which are in order of time, parted by day."""
    days = cells["cell_start"].cast(pa.date32()).combine_chunks().to_numpy(zero_copy_only=False)
    start = 0
    while start < len(days):
        stop = int(days.searchsorted(days[start], side="right"))
        yield str(days[start]), cells.slice(start, stop - start)
        start = stop


def _keep(plan: DayPlan, counter: PortionCounter, now: datetime) -> None:
    """Notes what is known now, and forgets days that are gone."""
    known = plan.known
    for day in [day for day in known.days if day not in plan.by_day]:
        del known.days[day]
    for day in sorted(plan.counted):
        known.keep_runs(day, plan.keys[day], plan.numbers[day], plan.names[day])
        if day not in plan.looked.found:
            known.keep_cells(day, plan.keys[day], ())
        count = counter.days.get(day, DayCount())
        known.days[day] = KnownDay(files=plan.files[day], key=plan.keys[day], has_runs=plan.has_runs(day),
                                   usable=plan.is_usable(day), settled="future" not in count.bad_runs, count=count,
                                   crossings=plan.crossings.get(day, NO_RUNS),
                                   size=known.measure(day, plan.keys[day]))
    known.counted_at, known.framed = now.isoformat(), plan.framed


def _write_about(path: Path, done: CellSummary, lab: bool) -> None:
    from probe import __version__

    about = {"software_version": __version__, "lab": lab, **summary_to_json(done),
             "columns": [{"name": name, "meaning": MEANINGS[name]} for name in cell.COLUMNS]}
    replace_file(path, (json.dumps(about, indent=1) + "\n").encode())
