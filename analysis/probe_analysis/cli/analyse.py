"""`probe analyse`: from the results of many to counts by network and hour, and to events."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from probe.config.settings import SettingsError, choose_results_folder, load_settings
from probe.core.counted_words import choose_word, count_things
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError
from probe.store.verification.folder_checks import FolderChecks
from probe.upkeep.commands.output_option import output_option
from probe.upkeep.commands.progress_bar import show_progress
from probe_analysis.cells.file_names import EVENTS_FILE
from probe_analysis.collect_seldom import collect_seldom
from probe_analysis.commands.left_out_text import describe_partial, describe_unverified
from probe_analysis.tables.event_checks import EVENT_CHECKS

if TYPE_CHECKING:
    from probe_analysis.counting.day_counts import CellSummary
    from probe_analysis.counts.counts_cells import CountsSummary
    from probe_analysis.events.event import Event
    from probe_analysis.events.event_findings import LoggedChanges
    from probe_analysis.population.population_files import PopulationSummary

_LEVELS = ("target", "role", "service")
_MAX_LINES = 40
_WHOLE_FILES = ("file", "signature")
"""Reasons for which files are left out, not rows."""
_DAY = click.DateTime(["%Y-%m-%d"])
_Period: TypeAlias = tuple[datetime | None, datetime | None]
"""The first day, and the first that is not wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What was asked for."""

    out: Path
    engine: str
    url: str
    lab: bool
    rejected: Path | None
    memory_mb: int
    threads: int
    period: _Period
    now: datetime
    changes_since: datetime | None
    outages: tuple[Path, ...] = ()
    """Files of traffic curves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was counted and found."""

    done: CellSummary | CountsSummary
    changes: LoggedChanges
    population: PopulationSummary | None = None
    slowed: Sequence[Mapping[str, Any]] = ()
    checks: FolderChecks = field(default_factory=FolderChecks)


@click.command()
@click.argument("given", metavar="[RESULTS]", required=False, type=click.Path(exists=True, path_type=Path))
@output_option("folder", "Folder for what is found.", default="analysis", show_default=True)
@click.option("--engine", type=click.Choice(["duckdb", "clickhouse"]), default="duckdb", show_default=True,
              help="Engine that counts.")
@click.option("--url", default="", help="URL of a ClickHouse server.")
@click.option("--lab", is_flag=True, help="Count the laboratory's rows, and no others.")
@click.option("--rejected", type=click.Path(dir_okay=False, path_type=Path),
              help="CSV file in which to list every row that is left out, with the reason.")
@click.option("--memory", "memory_mb", type=click.IntRange(min=200), default=2500, show_default=True,
              help="MB that DuckDB may take; what does not fit goes to a temporary folder.")
@click.option("--threads", type=click.IntRange(min=0), default=0, help="Threads that DuckDB uses; 0: as many as "
                                                                       "processors.")
@click.option("--since", type=_DAY, help="The first day that is counted (UTC).")
@click.option("--until", type=_DAY, help="The first day that is not counted any more (UTC).")
@click.option("--changes-since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ"]),
              help="Print what the log of events got since this time (UTC). Default: what this call adds to it.")
@click.option("--outages", "outages", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="CSV file (time, network, value) of the whole traffic of countries or networks, as IODA or "
                   "Cloudflare Radar count it; repeat.")
@click.option("--json", "as_json", is_flag=True, help="Print what was counted and found as JSON.")
def analyse(given: Path | None, out: Path, engine: str, url: str, lab: bool, rejected: Path | None, memory_mb: int,
            threads: int, since: datetime | None, until: datetime | None, changes_since: datetime | None,
            outages: tuple[Path, ...], as_json: bool) -> None:
    """Count the verdicts in RESULTS by target, role and service, network and hour.

    RESULTS is a results folder (default: the configured one), a folder that `probe collect` made, or a folder that
    contains several of these. The command writes the counts to cells.parquet in the folder of --output, and the
    meanings of the columns to cells.json.

    `probe analyse` counts a run once, even if RESULTS contains it twice. It leaves out rows that cannot be right, and
    says how many there are for each reason; --rejected lists them.

    RESULTS may also be a CSV or Parquet file from another project. Each row says how many measurements of one target
    the project made in one hour or day (n), and how many of them failed (failed).

    Such a file must have the columns time, network, target, n and failed. It may also have witnesses, service, role,
    version and country.

    In the column network of such a file, write country and AS number, such as RU-AS12389. If a row is about a whole
    country, write only the country, such as RU. For other names of networks, add the column country.

    `probe analyse` keeps what it counted on each day in the folder `days` of --output. So the next call counts only
    days that have changed.

    With --since and --until the command counts only certain days. For each such period, use a different folder of
    --output.

    `probe analyse` finds events, such as the beginning of a block. For each new event it adds a row to
    the log events.jsonl. If the event is later revised, ends or is withdrawn, it adds one more row. It never removes a
    row.

    The log events.jsonl also says what is not an event: suspected events that have another cause, such as an outage,
    and services that often fail without a censor. Each such row names the cause, and what would change the judgement.

    With --outages the command also reads curves of traffic that others count from outside. In the column network of
    such a file, write a country (RU) or a network (RU-AS12389). Give at least three days from before the time in
    question. If the whole traffic falls to half of the usual or less, failures of several services are an event of the
    network, and no block.

    A single run cannot decide the cause of every failure. `probe analyse` judges such failures again, by the results of
    all probes in a network together. It compares them with the results from other networks and countries in the same
    hours. The new verdicts are in population.csv and population.parquet in the folder of --output.

    `probe analyse` also looks for services that a network slows down. It suspects this if connections to one service
    fail or lose packets far more often than connections to other services on the same network. The difference must last
    for days, in most parts of each day. Only connections that every run makes are counted.

    Services that seem to be slowed are in slowed.json in the folder of --output, and in `slowed` of --json.

    \b
    Examples:
      probe analyse
      probe analyse collected -o may --rejected may/rejected.csv
      probe analyse collected --engine clickhouse --url clickhouse://user@10.0.0.1:8123/db
      probe analyse collected --since 2026-05-01 --until 2026-06-01 -o may
      probe analyse collected --changes-since 2026-05-01 --json | jq .changes
      probe analyse counts.csv -o kenya --json | jq '.events[] | {networks, onset, end, daily_hours}'
      python -c "import probe; print(probe.open_results('results').cells())"
    """
    wanted = _Wanted(out=out, engine=engine, url=url, lab=lab, rejected=rejected, memory_mb=memory_mb, threads=threads,
                     period=(since, until), now=datetime.now(UTC),
                     changes_since=changes_since.replace(tzinfo=UTC) if changes_since else None, outages=outages)
    was_there = out.exists()
    try:
        directory = choose_results_folder(load_settings(), given)
        with collect_seldom():
            found = _analyse_counts(directory, wanted) if directory.is_file() else _analyse_results(directory, wanted)
    except (SettingsError, StoreError) as error:
        if not was_there:
            with suppress(OSError):  # absent, or something is in it
                out.rmdir()
        raise click.ClickException(visible(str(error))) from error
    done, changes, population = found.done, found.changes, found.population
    if as_json:
        click.echo(json.dumps({**_plain(done), "out": str(out), **changes.found,
                               "signatures": dict(found.checks.counts), "partial_runs": found.checks.partial,
                               "population": list(population.reported) if population else None,
                               "slowed": list(found.slowed),
                               "changes": [dict(row) for row in changes.rows]}))
        return
    _tell(done, out, rejected)
    if done.cells:  # where nothing counts, there is nothing to vouch for
        _tell_checks(found.checks)
    for line in (*_tell_population(population, out), *_tell_slowed(found.slowed)):
        click.echo(visible(line))
    for line in (*changes.lines, *_tell_dismissed(changes.found)):
        click.echo(visible(line))
    log = out / EVENTS_FILE
    where = f"all: {log}" if log.exists() else "nothing was written to a log"
    click.echo(f"Events: {len(changes.found['events'])} in these cells, {len(changes.lines)} told above; {where}")


def _tell_dismissed(found: Mapping[str, Any]) -> Iterator[str]:
    """How many windows were dismissed, and why; each of them is in the log."""
    for word, count in Counter(row["explained_by"] for row in found["dismissed"]).most_common():
        yield (f"{count_things(count, 'window')} {choose_word(count, 'was', 'were')} dismissed because "
               f"{EVENT_CHECKS.get(word, word)}; see the rows `dismissed` of the log.")
    if found["flaky"]:
        yield f"Fail by themselves again and again: {len(found['flaky'])} series; see the rows `flaky` of the log."


def _tell_population(population: PopulationSummary | None, out: Path) -> Iterator[str]:
    """What is blocked by many probes' word, and what stays open; nothing for counts of others."""
    if population is None:
        return
    for row in population.reported[:_MAX_LINES]:
        if row["outcome"] == "blocked":
            yield (f"Blocked by many probes' word: {row['target_id']} in {row['probe_cc']}-AS{row['probe_asn']}, "
                   f"{row['block_type']}, since {row['onset']}: {row['reason']} (n={row['n']} probe-hours)")
    outcomes = Counter(row["outcome"] for row in population.reported)
    counts = ", ".join(f"{count:,} {word}" for word, count in outcomes.most_common()) or "nothing"
    yield (f"Population: {population.rows:,} stretches of failure; of those of several probes {counts}: "
           f"{out / 'population.csv'}")


def _tell_slowed(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The suspicions, the latest ones where they are many."""
    from probe_analysis.slowed.slowed_rows import describe_slowed

    yield from (describe_slowed(row) for row in sorted(rows, key=lambda row: row["last_day"])[-_MAX_LINES:])


def _events(wanted: _Wanted, population: Callable[[], Path] | None = None,
            slowed: Callable[[], Sequence[Event]] = tuple) -> LoggedChanges:
    from probe_analysis.events.curve_files import read_curves
    from probe_analysis.events.event_findings import find_events

    return find_events(wanted.out, since=wanted.changes_since, now=wanted.now, population=population,
                       slowed=slowed, curves=read_curves(wanted.outages))


def _plain(done: CellSummary | CountsSummary) -> dict[str, Any]:
    from probe_analysis.counting.day_counts import summary_to_json
    from probe_analysis.counts.counts_cells import CountsSummary
    from probe_analysis.counts.counts_cells import summary_to_json as counts_to_json

    return counts_to_json(done) if isinstance(done, CountsSummary) else summary_to_json(done)


def _analyse_counts(path: Path, wanted: _Wanted) -> _Found:
    """The cells and events of counts that somebody else made."""
    from probe.store.files.atomic import make_folder
    from probe_analysis.counts.counts_cells import write_counts

    if any(wanted.period):
        raise StoreError(f"{path}: --since and --until are for results; give a file with the counts of that time alone")
    make_folder(wanted.out)
    return _Found(done=write_counts(path, wanted.out, wanted.now), changes=_events(wanted))


def _analyse_results(directory: Path, wanted: _Wanted) -> _Found:
    """The cells of results, what many probes say together, services that are slowed, and events."""
    from probe_analysis.cells.file_names import POPULATION_FILE
    from probe_analysis.population.opened_hours import HourWishes
    from probe_analysis.slowed.judged_together import judging_beside

    since, until = _days(wanted.period)
    wishes = HourWishes(now=wanted.now, lab=wanted.lab, memory_mb=wanted.memory_mb, threads=wanted.threads, since=since,
                        until=until)
    with judging_beside(directory, wanted.out, wishes) as judging:

        def wait_for_population() -> Path:
            judging.wait()
            return wanted.out / POPULATION_FILE

        half = replace(wanted, memory_mb=wanted.memory_mb // 2)
        done = _count_cells(directory, half if judging.is_beside else wanted)
        if not judging.is_beside:
            judging.wait()  # before the search, which needs memory of its own
        changes = _events(wanted, wait_for_population, lambda: judging.wait().slow_events)
        judged = judging.wait()
    return _Found(done=done, changes=changes, population=judged.population, slowed=judged.slowed,
                  checks=_check_runs(directory, wanted.period))


def _count_cells(directory: Path, wanted: _Wanted) -> CellSummary:
    from probe.store.files.atomic import make_folder
    from probe_analysis.counting.cell_files import write_cells
    from probe_analysis.engines.engine_choice import choose_engine

    make_folder(wanted.out)
    since, until = _days(wanted.period)
    computing = choose_engine(wanted.engine, url=wanted.url, memory_mb=wanted.memory_mb, threads=wanted.threads,
                              temporary=wanted.out)
    try:
        with show_progress("Counting") as progress:
            return write_cells(directory, wanted.out, computing, now=wanted.now, lab=wanted.lab,
                               rejected=wanted.rejected, since=since, until=until, progress=progress)
    finally:
        computing.close()


def _check_runs(directory: Path, period: _Period) -> FolderChecks:
    """How many runs are signed, unsigned, partial, and so on; what is unusable was left out."""
    from probe_analysis.cells.cell_inputs import choose_days, list_days
    from probe_analysis.cells.unsound_files import check_days

    _, by_day = list_days(directory, ("runs", "verdicts", "services"))
    return check_days(choose_days(by_day, *_days(period)))


def _tell_checks(checks: FolderChecks) -> None:
    if unsigned := checks.counts["unsigned"]:
        click.echo(describe_unverified("unsigned", unsigned))
    for line in describe_partial(checks.partial):
        click.echo(line)


def _days(period: _Period) -> tuple[str, str]:
    """The first day and the first that is not wanted, YYYY-MM-DD, or empty."""
    since, until = (day.date().isoformat() if day else "" for day in period)
    return since, until


def _tell(done: CellSummary | CountsSummary, out: Path, rejected: Path | None) -> None:
    from probe_analysis.counts.counts_cells import CountsSummary

    if isinstance(done, CountsSummary):
        _tell_counts(done, out)
    else:
        _tell_results(done, out, rejected)


def _tell_counts(done: CountsSummary, out: Path) -> None:
    step = "day" if done.step_s > 3600 else "hour"
    click.echo(f"Counted: {done.used:,} of {count_things(done.rows, 'row')}; "
               f"{count_things(done.networks, 'network')}, {count_things(done.targets, 'target')}, "
               f"by {step}.")
    for cause in done.left_out.values():
        click.echo(f"Left out: {count_things(cause['rows'], 'row')}, the first in line {cause['first_line']}: "
                   f"{cause['means']}")
    if done.twice:
        click.echo(f"{count_things(done.twice, 'row')} came again, alike, and count once.")
    click.echo(f"Cells: {done.cells:,}, from {done.first} to {done.last}: {out / 'cells.parquet'}")


def _tell_results(done: CellSummary, out: Path, rejected: Path | None) -> None:
    from probe_analysis.cells.row_quality import REASONS

    rows = ", ".join(f"{done.used[table]:,} of {count_things(done.rows[table], 'row')} of "
                     f"{table}" for table in done.used)
    click.echo(f"Counted: {rows or 'nothing'}; {count_things(done.runs, 'run')} of {count_things(done.days, 'day')}.")
    for what, counts in (("rows", done.rejected), ("runs", done.bad_runs)):
        for reason, count in sorted(counts.items(), key=lambda item: -item[1]):
            if count:
                click.echo(f"Left out: {count:,} {'files' if reason in _WHOLE_FILES else what}: {REASONS[reason]}")
    if twice := sum(done.duplicates.values()):
        click.echo(f"{count_things(twice, 'row')} came again, alike, and count once.")
    if done.other_side:
        click.echo(f"{count_things(done.other_side, 'row')} left out, because laboratory runs and others are never "
                   f"mixed; see --lab.")
    if rejected:
        click.echo(f"Each of them: {rejected}")
    elif any(done.rejected.values()):
        click.echo("To see each of them: --rejected FILE")
    cells = ", ".join(f"{done.cells[level]:,} of {level}s" for level in _LEVELS if done.cells[level])
    if cells:
        click.echo(f"Cells: {cells}, from {done.first} to {done.last}: {out / 'cells.parquet'}")
    else:
        click.echo("There is no cell: no row counts.")
