"""`probe run`: one run, from the catalogue to files."""

from __future__ import annotations

import gc
import json
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.catalogue.laboratory_marker import read_marker
from probe.catalogue.types import Catalogue
from probe.config.consent.consent_check import explain_refusal
from probe.config.settings import Settings, choose_results_folder
from probe.core.translation import say
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError, check_writable, explain_os_error
from probe.upkeep.commands.command_setup import (
    BrokenCatalogueError,
    choose_command_catalogue,
    load_command_settings,
    parse_at,
    stop_if_refused,
)
from probe.upkeep.commands.exit_codes import CARRIES_NOBODY, EXIT_LOCKED, EXIT_NO_NETWORK
from probe.upkeep.commands.feed_loading import load_feed_board
from probe.upkeep.commands.run_lock import LockedError, hold_run_lock
from probe.upkeep.commands.run_progress import show_run_progress
from probe.upkeep.commands.run_watchdog import RunWatchdog, store_unfinished, watch_run
from probe.upkeep.commands.screen import echo_lines, find_columns, name_folder_option
from probe.upkeep.commands.target_list import (
    ListBounds,
    apply_list_bounds,
    find_beyond_list,
    refresh_list,
)
from probe.upkeep.commands.timed_log import TimedLog

if TYPE_CHECKING:
    from probe.config.month_key import MonthKey
    from probe.core.runs import Run, RunResult, Vantage
    from probe.core.tables.answer_words import Circumstance
    from probe.judge.verdicts.earlier_places import EarlierPlaces
    from probe.session.run_plan import RunPlan
    from probe.upkeep.updates.catalogue_choice import CatalogueChoice, ListState

FAST_DEADLINE_S = 120.0
"""What silence takes where most is blocked: attempts, their comparisons, and a search for the place."""
CONFIRM_AFTER_S = 240.0


@click.command()
@click.option("--fast", is_flag=True, help="As fast as the network allows, for a person who waits; no pacing.")
@click.option("--timed", is_flag=True, help="Mark the run as made by a schedule.")
@click.option("--config", type=click.Path(dir_okay=False),
              help="Configuration file (default: $PROBE_CONFIG, XDG, /etc).")
@click.option("--results", type=click.Path(path_type=Path),
              help="Folder for the results (default: the configured one, else ./results).")
@click.option("--catalogue", type=click.Path(dir_okay=False),
              help="A targets.csv, a Citizen Lab test list, an OONI Run descriptor, or a list of URLs.")
@click.option("--input", "inputs", multiple=True, help="Measure only this endpoint (its URL in the catalogue); repeat.")
@click.option("--tier", type=click.IntRange(0, 3), help="Measure endpoints up to this tier (default: 1, the core).")
@click.option("--deadline-s", type=click.FloatRange(5, 7200),
              help="End of the run (default: 120 with --fast, else run.deadline_s of the configuration, 900).")
@click.option("--wait-s", type=click.FloatRange(0, 3600), default=0.0,
              help="Wait first, up to so many seconds, drawn at random: for schedules that cannot do it.")
@click.option("--seed", type=int, help="Seed of every random choice, to repeat a run's order.")
@click.option("--at", "at", help="Start time to write (RFC 3339); allowed in the laboratory only.")
@click.option("--parquet/--no-parquet", default=None,
              help="Also write Parquet (default: where pyarrow is installed and no schedule made the run).")
@click.option("--json", "as_json", is_flag=True, help="Print run, verdicts and services as JSON.")
@click.option("--details", is_flag=True, help="Say below the answer, target by target, what was found and why.")
@click.option("--dry-run", is_flag=True, help="Say what would be measured, and measure nothing.")
def run(fast: bool, timed: bool, config: str | None, results: Path | None, catalogue: str | None,
        inputs: tuple[str, ...], tier: int | None, deadline_s: float | None, wait_s: float, seed: int | None,
        at: str | None, parquet: bool | None, as_json: bool, details: bool,
        dry_run: bool) -> None:
    """Measure now and write the results.

    \b
    Examples:
      probe run --fast
      probe run --fast --catalogue my-sites.txt --results ~/try
      probe run --timed                  (what cron calls; about one new flow a second)
    """
    marker = read_marker()
    settings = load_command_settings(config)
    folder = choose_results_folder(settings, results)
    from probe.session.run_plan import RunPlan
    from probe.upkeep.commands.timed_run import NotNowError, add_turn

    plan = RunPlan(
        deadline_s=deadline_s or (FAST_DEADLINE_S if fast else settings.run.deadline_s), fast=fast,
        trigger="timed" if timed else "manual", seed=seed, tier=settings.run.tier if tier is None else tier,
        inputs=frozenset(inputs), started_at=parse_at(at, lab=marker.lab), lab=marker.lab,
    )
    diary = TimedLog(folder, keeps=timed and at is None)
    choice = _choose(settings, catalogue, plan, diary, wait_s=wait_s, dry_run=dry_run)
    _check_inputs(choice.catalogue, plan.inputs)
    plan = add_turn(plan, settings, diary, by_tier=tier is not None)
    if dry_run:
        if not _is_paused(choice.standing, as_json=False):
            bound = _apply_bounds(choice, settings, plan)
            from probe.upkeep.commands.planned_run import describe_planned_run

            echo_lines(describe_planned_run(bound.catalogue, bound.settings, bound.plan))
        return
    try:
        plan = _get_ready(plan, settings, diary, wait_s)
    except NotNowError as why_not:
        click.echo(str(why_not))
        return
    if timed and not marker.lab:
        choice, plan = _renew_choice(choice, settings, plan, catalogue)
    if _is_paused(choice.standing, as_json=as_json):
        diary.note_paused(choice.standing.limits.pause)
        return
    bound = _apply_bounds(choice, settings, plan)
    run_ends = time.monotonic() + bound.plan.deadline_s
    result = _run(bound.catalogue, bound.settings, bound.plan, folder, diary,
                  parquet=False if timed and parquet is None else parquet)
    stop = _tell(result, folder, bound.catalogue, as_json=as_json, details=details, named=results)
    from probe.upkeep.status.run_answer import UNREACHED

    if result.run.block_type in CARRIES_NOBODY or stop == UNREACHED:
        sys.exit(EXIT_NO_NETWORK)
    if timed and settings.upload.to:
        from probe.upkeep.upload.upload_after_run import upload_after_run

        upload_after_run(settings, folder.absolute(), run_ends=run_ends)


def _choose(settings: Settings, named: str | None, plan: RunPlan, diary: TimedLog, *, wait_s: float,
            dry_run: bool) -> CatalogueChoice:
    """The catalogue. A timed run that cannot use its own looks for the signed list before it fails, so that a stop or a
    pause holds here whatever is measured next. Raises ClickException."""
    try:
        return choose_command_catalogue(settings, named, lab=plan.lab)
    except BrokenCatalogueError as broken:
        if plan.trigger == "timed" and not (plan.lab or dry_run):
            _look_all_the_same(settings, plan, diary, wait_s, broken.message.splitlines()[0])
        raise


def _look_all_the_same(settings: Settings, plan: RunPlan, diary: TimedLog, wait_s: float, why: str) -> None:
    """Fetch what is asked of runs, as a run would, and note why none is made: a pause, else `why`."""
    from probe.upkeep.commands.timed_run import NotNowError
    from probe.upkeep.updates.catalogue_choice import read_list_state

    try:
        _get_ready(plan, settings, diary, wait_s)
    except NotNowError:
        return  # noted
    refresh_list(settings, datetime.now(UTC))
    standing = read_list_state(settings, now=datetime.now(UTC))
    if _is_paused(standing, as_json=False):
        diary.note_paused(standing.limits.pause)
    else:
        diary.note_failed(why)


def _get_ready(plan: RunPlan, settings: Settings, diary: TimedLog, wait_s: float) -> RunPlan:
    """The plan for the conditions here, after the wait; nothing is sent without consent. Raises NotNowError."""
    from probe.upkeep.commands.timed_run import apply_conditions

    if why := explain_refusal(settings, lab=plan.lab):
        diary.note_refused(why.splitlines()[0])
    stop_if_refused(why)
    if wait_s:
        time.sleep(random.SystemRandom().uniform(0, wait_s))
    return apply_conditions(plan, settings, diary)


def _run(targets: Catalogue, settings: Settings, plan: RunPlan, folder: Path, diary: TimedLog, *,
         parquet: bool | None) -> RunResult:
    """Measure and write, while nobody else does."""
    try:
        with hold_run_lock(folder), diary.run() as ended:
            _check_room(folder, settings)
            result = _measure_and_write(targets, settings, plan, folder, parquet=parquet)
            ended(result.run.run_id)
            from probe.upkeep.commands.results_bounds import tidy_after_run

            tidy_after_run(folder, settings, latest=result.run.run_id)
            return result
    except StoreError as error:
        diary.note_failed(str(error))
        raise click.ClickException(str(error)) from error
    except OSError as error:
        why = f"{error.filename or folder}: {explain_os_error(error)}"
        diary.note_failed(why)
        raise click.ClickException(why) from error
    except LockedError as locked:
        diary.note_overlap()
        since = say(" (since {time})", time=str(locked)) if str(locked) else ""
        click.echo(say("Another run is writing to {folder}{since}; this one does nothing.", folder=str(folder),
                       since=since), err=True)
        sys.exit(EXIT_LOCKED)


def _measure_and_write(targets: Catalogue, settings: Settings, plan: RunPlan, folder: Path, *,
                       parquet: bool | None) -> RunResult:
    """Measure and write, and be ended where that takes longer than it may."""
    store_unfinished(folder, _find_signer)
    try:
        with watch_run(folder, for_s=plan.deadline_s) as watchdog:
            result = _measure(targets, settings, plan, folder, watchdog)
            from probe.store.runs.run_writer import write_run  # only now: the first packet need not wait for it

            write_run(result, folder, parquet=parquet, known_new=True,  # however damaged other runs are
                      signer=_find_signer(result.run))
    except KeyboardInterrupt:
        store_unfinished(folder, _find_signer)
        raise
    return result


def _find_signer(run: Run) -> MonthKey | None:
    """The key whose name the run bears; the laboratory's runs bear none."""
    from probe.config.month_key import read_month_key

    return None if run.vantage.lab else read_month_key(run.measurement_start_time[:7])


def _check_room(folder: Path, settings: Settings) -> None:
    """Sees to it that results could be written: where not, what is past the limits goes first, which may help."""
    try:
        check_writable(folder)
    except StoreError:
        from probe.upkeep.commands.results_bounds import tidy_after_run

        tidy_after_run(folder, settings)
        check_writable(folder)


def _check_inputs(targets: Catalogue, inputs: frozenset[str]) -> None:
    unknown = inputs - {e.input for e in targets.endpoints}
    if unknown:
        raise click.UsageError(say("not in {path}: {inputs}; see `probe targets list`", path=str(targets.path),
                                   inputs=", ".join(sorted(unknown))))


def _renew_choice(choice: CatalogueChoice, settings: Settings, plan: RunPlan,
                  named: str | None) -> tuple[CatalogueChoice, RunPlan]:
    """The choice after a look for a new list, where it is time for one, and the plan with the time that is left."""
    begin_s = time.monotonic()
    if not refresh_list(settings, datetime.now(UTC)):
        return choice, replace(plan, deadline_s=_time_left_s(plan, begin_s))
    choice = choose_command_catalogue(settings, named, lab=plan.lab)
    _check_inputs(choice.catalogue, plan.inputs)
    return choice, replace(plan, deadline_s=_time_left_s(plan, begin_s))


def _time_left_s(plan: RunPlan, begin_s: float) -> float:
    """Of the run's time after what began at `begin_s`; in whole seconds, since looking at the clock is no delay."""
    return max(5.0, plan.deadline_s - int(time.monotonic() - begin_s))


def _is_paused(standing: ListState, *, as_json: bool) -> bool:
    """Whether the signed list asks for a pause here, which is said then."""
    why = standing.limits.pause
    if why and as_json:
        click.echo(json.dumps({"run": None, "paused": why}))
    elif why:
        click.echo(say("Nothing is measured: the signed list of targets asks for a pause in this country: {why}",
                       why=visible(why)))
    return bool(why)


def _apply_bounds(choice: CatalogueChoice, settings: Settings, plan: RunPlan) -> ListBounds:
    """Settings and plan within what the list asks, told once."""
    if over := find_beyond_list(choice, plan.inputs):
        raise click.ClickException(say(
            "The signed list asks for this in {cc}: {asked}; and these are beyond: {over}", cc=settings.vantage.cc,
            asked=visible(choice.standing.limits.words), over=", ".join(over)))
    bound = apply_list_bounds(choice, settings, plan, fast_deadline_s=FAST_DEADLINE_S)
    for note in bound.notes:
        click.echo(note, err=True)
    return bound


def _measure(targets: Catalogue, settings: Settings, plan: RunPlan, folder: Path, watchdog: RunWatchdog) -> RunResult:
    from probe.session.make_run import make_run
    from probe.upkeep.commands.public_asking import make_run_asker

    if settings.fingerprints.files:
        from probe.upkeep.updates.fingerprint_files import add_configured_fingerprints

        add_configured_fingerprints(settings)
    gc.freeze()  # program and catalogue stay: to look through them again and again costs a thirtieth of a run
    begin_s = time.monotonic()
    board = load_feed_board(settings, datetime.now(UTC))
    plan = replace(plan, deadline_s=_time_left_s(plan, begin_s)) if settings.feed else plan
    watchdog.give(plan.deadline_s)
    with show_run_progress(plan.deadline_s) as progress:
        result = make_run(targets, settings, plan, progress=progress, ask_helper=make_run_asker(settings, targets),
                          board=board, failed_before=partial(_failed_before, folder),
                          places_before=partial(_places_before, folder),
                          watched_before=partial(_watched_before, folder),
                          asked_before=partial(_asked_before, folder),
                          punished_before=partial(_punished_before, folder),
                          chats_before=partial(_chats_before, folder, targets), keeper=watchdog)
    return _confirm(result, folder)


def _failed_before(folder: Path, here: Vantage) -> Mapping[str, datetime]:
    from probe.upkeep.commands.earlier_runs import read_previous_failures

    return read_previous_failures(folder, before=datetime.now(UTC), here=here)


def _places_before(folder: Path, here: Vantage) -> EarlierPlaces:
    from probe.upkeep.commands.earlier_runs import read_previous_places

    return read_previous_places(folder, before=datetime.now(UTC), here=here)


def _watched_before(folder: Path, here: Vantage) -> frozenset[str]:
    from probe.upkeep.commands.earlier_series import read_watched

    return read_watched(folder, before=datetime.now(UTC), here=here)


def _asked_before(folder: Path, here: Vantage) -> frozenset[str]:
    from probe.upkeep.commands.earlier_runs import read_asked_as_programs

    return read_asked_as_programs(folder, before=datetime.now(UTC), here=here)


def _punished_before(folder: Path, here: Vantage) -> Mapping[str, datetime]:
    from probe.upkeep.commands.earlier_runs import read_punished

    return read_punished(folder, before=datetime.now(UTC), here=here)


def _chats_before(folder: Path, targets: Catalogue, here: Vantage) -> bool:
    from probe.session.chat_choice import is_chat
    from probe.upkeep.commands.earlier_runs import has_asked_chats

    return has_asked_chats(folder, before=datetime.now(UTC), here=here,
                           chats=(e.input for e in targets.endpoints if is_chat(e)))


def _confirm(result: RunResult, folder: Path) -> RunResult:
    from probe.judge.verdicts.combine import confirm_blocks
    from probe.upkeep.commands.earlier_runs import read_previous_blocks

    start = datetime.fromisoformat(result.run.measurement_start_time)
    blocked = [v.target_id for v in result.verdicts if v.outcome == "blocked"]
    before = read_previous_blocks(folder, before=start, at_least_s=CONFIRM_AFTER_S, targets=blocked,
                                  here=result.run.vantage)
    return replace(result, verdicts=confirm_blocks(result.verdicts, before))


def _tell(result: RunResult, folder: Path, targets: Catalogue, *, as_json: bool, details: bool,
          named: Path | None) -> Circumstance | None:
    """Say what was found; what kept the run from saying anything is returned."""
    from probe.upkeep.status.answer_history import read_histories
    from probe.upkeep.status.answer_json import encode_answer
    from probe.upkeep.status.answer_text import describe_answer
    from probe.upkeep.status.first_screen import COLUMNS, ROWS, describe_first_screen
    from probe.upkeep.status.run_answer import answer_run, find_stop
    from probe.upkeep.status.service_answer import gather_catalogue_facts

    read_by_nobody = result.run.trigger == "timed" and not as_json  # a small machine need not read 200 runs for it
    histories = {} if read_by_nobody else read_histories(folder, result.run, result.services)
    answer = answer_run(result.run, result.verdicts, result.services, gather_catalogue_facts(targets), histories)
    if as_json:
        click.echo(json.dumps({
            "run": asdict(result.run), "verdicts": [asdict(v) for v in result.verdicts],
            "services": [asdict(s) for s in result.services], "results": str(folder), "answer": encode_answer(answer),
        }))
        return find_stop(answer)
    where = name_folder_option(named)
    if not details:
        echo_lines(describe_first_screen(answer, where=where, columns=find_columns() or COLUMNS, rows=ROWS - 2))
    else:
        echo_lines(describe_answer(answer, where=where))
        from probe.upkeep.commands.earlier_series import read_series
        from probe.upkeep.commands.run_summary import describe_run

        echo_lines(describe_run(result, read_series(folder, result)))
    click.echo(say("Results: {folder} (run {run}; target by target: {command})", folder=str(folder),
                   run=result.run.run_id, command=f"probe show{where} --details"))
    return find_stop(answer)
