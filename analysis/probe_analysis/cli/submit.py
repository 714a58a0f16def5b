"""`probe submit ooni`: our runs to a collector of OONI's kind, where they are public for ever; by hand alone."""

from __future__ import annotations

import json
import sys
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.config.consent.consent_check import explain_submit_refusal
from probe.config.consent.consent_text import PUBLIC
from probe.config.destination import find_collector_problem, is_loopback, redact_url
from probe.config.settings import SettingsError, choose_results_folder, load_settings
from probe.core.counted_words import choose_word, count_things
from probe.core.visible_text import visible
from probe.store.archive.own_files import SUBMIT_FOLDER
from probe.store.files.atomic import StoreError
from probe.store.verification.folder_checks import check_folder
from probe.upkeep.commands.command_setup import stop_if_refused
from probe.upkeep.commands.exit_codes import EXIT_LOCKED
from probe.upkeep.commands.progress_bar import show_progress
from probe.upkeep.commands.run_lock import LockedError, hold_run_lock
from probe_analysis.commands.left_out_text import describe_left_out
from probe_analysis.exports.run_choice import RunFilter, select_runs

if TYPE_CHECKING:
    from probe_analysis.submit.published_runs import RipeRun
    from probe_analysis.submit.submit_send import SubmitResult

_DAY = click.DateTime(formats=["%Y-%m-%d"])
_SHOWN = 3


@click.group(name="submit")
def submit() -> None:
    """Submit measurements to a collector of others, where they become public for ever.

    \b
    Example:
      probe submit ooni --collector https://collector.example.org --dry-run
    """


@submit.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option("--collector", required=True, metavar="URL", help="Where to: the collector that `probe setup "
              "--submit-to URL` named. None is built in.")
@click.option("--public-for-ever", "public", is_flag=True, help="I know that what I send becomes public, and that "
              "nobody can take it back. Without this nothing is sent.")
@click.option("--exact", is_flag=True, help="Tell the network and the second of each run, too. Whoever keeps records "
              "of that network can find your line by them.")
@click.option("--since", type=_DAY, help="The first day (UTC).")
@click.option("--until", type=_DAY, help="The last day (UTC).")
@click.option("--at-most", type=click.IntRange(1, 100_000), default=10_000, show_default=True,
              help="End after so many measurements; what is left waits.")
@click.option("--for-s", type=click.FloatRange(2, 86400), default=3600.0, show_default=True,
              help="End after so many seconds; what is left waits.")
@click.option("--due", is_flag=True, help="Do nothing while the pause after a failure lasts.")
@click.option("--dry-run", is_flag=True, help="Print what would be sent, JSON Lines, and send nothing.")
@click.option("--lab", is_flag=True, help="Runs made in the laboratory, and no others; to a collector on this device "
              "(127.0.0.1, [::1]) alone.")
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON, with the names of reports and "
              "measurements.")
def ooni(directory: Path | None, collector: str, public: bool, exact: bool, since: datetime | None,
         until: datetime | None, at_most: int, for_s: float, due: bool, dry_run: bool, lab: bool, config: str | None,
         as_json: bool) -> None:
    """Submit the runs in DIRECTORY (default: the configured results folder) to a collector of OONI's kind.

    You must agree in two ways. First call `probe setup --submit-to URL`, which says what becomes public and what the
    risks are. Then give --public-for-ever each time that you submit.

    `probe submit ooni` sends what `probe export ooni` writes, at least a day after it was measured. As place and time,
    most submitted measurements state only the country and the day. They state the network and the hour only if
    DIRECTORY has runs of at least five probes in that network (as in `probe export --release`).

    `probe submit ooni` records in DIRECTORY which measurements the collector accepted, and never sends these again.
    Before you submit, ask those who run the collector: they may not want tests of a kind that they do not know.
    docs/interop.md says more.

    \b
    Examples:
      probe submit ooni --collector https://collector.example.org --dry-run | less
      probe submit ooni --collector https://collector.example.org --public-for-ever
    """
    try:
        place = _place(collector, lab)
        settings = load_settings(config)
        if not dry_run:
            stop_if_refused(_refusal(public) or ("" if lab else explain_submit_refusal(settings, place)))
        folder = choose_results_folder(settings, directory).absolute()
        ripe = _ripe(folder, RunFilter(since=since.date() if since else None, until=until.date() if until else None,
                                       lab=lab), exact)
        failed = _dry(folder, place, ripe) if dry_run else _submit(
            folder, place, ripe, for_s=for_s, at_most=at_most, due=due, as_json=as_json)
    except (SettingsError, StoreError) as error:
        raise click.ClickException(visible(str(error))) from error
    except LockedError:
        click.echo("Another submission is going on; this one does nothing.", err=True)
        sys.exit(EXIT_LOCKED)
    if failed:
        sys.exit(1)


def _place(collector: str, lab: bool) -> str:
    """The collector, written one way. Raises SettingsError for one that nothing may be sent to."""
    if why := find_collector_problem(collector):
        raise SettingsError(f"--collector {why}")
    if lab and not is_loopback(collector):
        raise SettingsError("What was made in the laboratory says nothing of any network: it is sent to no collector "
                            "but one on this device, http://127.0.0.1:PORT")
    return redact_url(collector)


def _refusal(public: bool) -> str:
    """Why nothing is sent without the second yes."""
    if public:
        return ""
    warning = "\n".join(textwrap.fill(text, 88) for text in PUBLIC)
    return f"nothing is sent without --public-for-ever.\n{warning}\nNothing was sent. To see what would be: --dry-run"


def _ripe(folder: Path, choice: RunFilter, exact: bool) -> list[RipeRun]:
    from probe.store.archive.vouched_names import read_vouched_names
    from probe_analysis.submit.published_runs import list_ripe_runs

    try:
        checks = check_folder(folder)
        for line in describe_left_out(checks, folder) if checks.unusable else ():
            click.echo(visible(line), err=True)
        everybody = select_runs(folder, RunFilter(lab=choice.lab), without=checks.unusable)
        return list_ripe_runs(select_runs(folder, choice, without=checks.unusable), everybody, exact=exact,
                              now=datetime.now(UTC), vouched=read_vouched_names(folder))
    except ValueError as error:
        raise StoreError(f"{folder}: {error}") from None


def _dry(folder: Path, place: str, ripe: list[RipeRun]) -> bool:
    from probe.store.runs.run_reader import whole
    from probe_analysis.submit.collector import encode_measurement
    from probe_analysis.submit.published_runs import make_public_measurements
    from probe_analysis.submit.submit_send import list_waiting_runs

    queue, count = list_waiting_runs(folder, place, ripe), 0
    for one in queue:
        for measurement in make_public_measurements(whole(folder, one.run), one.cell):
            sys.stdout.buffer.write(encode_measurement(measurement) + b"\n")
            count += 1
    click.echo(f"{count_things(count, 'measurement')} of {count_things(len(queue), 'run')} would be sent to {place}, "
               f"but for those of a run under way "
               "that were accepted already. Nothing was sent.", err=True)
    return False


def _submit(folder: Path, place: str, ripe: list[RipeRun], *, for_s: float, at_most: int, due: bool,
            as_json: bool) -> bool:
    """Send, and say what was done; whether anything failed."""
    from probe.upkeep.upload.upload_state import get_now, is_upload_due, read_state
    from probe_analysis.submit.collector import CollectorClient
    from probe_analysis.submit.submit_send import submit_waiting_runs

    with hold_run_lock(folder / SUBMIT_FOLDER):
        state = read_state(folder, place, SUBMIT_FOLDER)
        if due and not is_upload_due(state, get_now()):
            click.echo(f"The last submission failed; the next try is at {state.next_try:%Y-%m-%d %H:%M} UTC.")
            return False
        with show_progress("Submitting", wanted=not as_json) as progress:
            done = submit_waiting_runs(folder, CollectorClient(place, ends=time.monotonic() + for_s), ripe,
                                       at_most=at_most, progress=progress)
    if as_json:
        click.echo(json.dumps({
            "to": place, "runs": done.runs, "accepted": done.accepted, "refused": done.refused, "unsure": done.unsure,
            "left": done.left, "failure": done.failure, "notes": done.notes, "reports": done.reports,
            "measurement_uids": done.uids}))
    else:
        _tell(place, done)
    return bool(done.failure)


def _tell(place: str, done: SubmitResult) -> None:
    click.echo(f"{count_things(done.accepted, 'measurement')} {choose_word(done.accepted, 'is', 'are')} public now, "
               f"by way of {place}; {count_things(done.runs, 'run')} {choose_word(done.runs, 'is', 'are')} done, "
               f"{done.left} wait.")
    for text in done.notes[:_SHOWN]:
        click.echo(visible(text[:1].upper() + text[1:]), err=True)
    if len(done.notes) > _SHOWN:
        click.echo(f"... and {len(done.notes) - _SHOWN} more; --json names them.", err=True)
    if done.unsure:
        click.echo(f"{count_things(done.unsure, 'measurement')} may have arrived or not; they are not sent "
                   f"again.", err=True)
    if done.failure:
        click.echo(f"Submission failed: {visible(done.failure)}. What was accepted is not sent again.", err=True)
