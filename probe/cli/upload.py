"""`probe upload`: sends results to the place that was agreed to; by hand, and at the end of scheduled runs."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from probe.catalogue.laboratory_marker import read_marker
from probe.config.consent.consent_check import explain_upload_refusal
from probe.config.settings import Settings, SettingsError, choose_results_folder, load_settings
from probe.core.translation import say, say_count
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError
from probe.upkeep.commands.command_setup import stop_if_refused
from probe.upkeep.commands.exit_codes import EXIT_LOCKED
from probe.upkeep.commands.progress_bar import show_progress
from probe.upkeep.commands.run_lock import LockedError, hold_run_lock

if TYPE_CHECKING:
    from probe.upkeep.upload.sender import Sender
    from probe.upkeep.upload.upload_send import Seal, SendResult


@click.command()
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file; `[upload]` in it says where to.")
@click.option("--results", type=click.Path(file_okay=False, path_type=Path), help="Folder of the results.")
@click.option("--for-s", type=click.FloatRange(1, 86400), default=3600.0, show_default=True,
              help="End after so many seconds; what is left waits.")
@click.option("--due", is_flag=True, help="Do nothing while the pause after a failure lasts.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def upload(config: str | None, results: Path | None, for_s: float, due: bool, dry_run: bool, as_json: bool) -> None:
    """Send the tables of all runs that are not there yet to the place that `probe setup --upload-to URL` named.

    `probe upload` sends each run as one compressed archive, which is at most a seventh as large as the run's tables on
    this device. If it sends a run twice, both archives are identical.

    `probe upload` never sends captured packets. It also never sends runs that were made in a simulated network.

    Scheduled runs upload their results by themselves.

    \b
    Examples:
      probe upload --dry-run
      probe upload
    """
    try:
        settings = load_settings(config)
        if not settings.upload.place:
            raise SettingsError(say("No place is named for uploads. To name one: probe setup --upload-to URL"))
        folder, lab = choose_results_folder(settings, results).absolute(), read_marker().lab
        stop_if_refused(explain_upload_refusal(settings, lab=lab))
        if dry_run:
            _tell_waiting(settings, folder, lab, as_json)
            return
        failed = _upload(settings, folder, for_s, due, lab, as_json)
    except (SettingsError, StoreError) as error:
        raise click.ClickException(visible(str(error))) from error
    except LockedError:
        click.echo(say("Another upload is going on; this one does nothing."), err=True)
        sys.exit(EXIT_LOCKED)
    if failed:
        sys.exit(1)


def _tell_waiting(settings: Settings, folder: Path, lab: bool, as_json: bool) -> None:
    from probe.upkeep.upload.upload_send import make_sealer, measure_waiting_runs

    with show_progress("Packing") as progress:
        found = measure_waiting_runs(folder, settings.upload.place, lab=lab, seal=make_sealer(settings),
                                     progress=progress)
    if as_json:
        click.echo(json.dumps({"to": settings.upload.place, "runs": found.runs, "bytes": found.bytes,
                               "unpacked_bytes": found.unpacked_bytes, "unreadable": found.unreadable}))
        return
    click.echo(say_count("{n} run would be sent to {place}{size}.", "{n} runs would be sent to {place}{size}.",
                         found.runs, place=settings.upload.place, size=_tell_size(found)))
    _tell_unsent(found, lab)


def _upload(settings: Settings, folder: Path, for_s: float, due: bool, lab: bool, as_json: bool) -> bool:
    """Send, and say what was done; whether anything failed."""
    from probe.store.archive.own_files import UPLOAD_FOLDER
    from probe.upkeep.upload.upload_retention import note_waiting
    from probe.upkeep.upload.upload_send import make_sealer, make_sender, send_waiting_runs
    from probe.upkeep.upload.upload_state import get_now, is_upload_due, read_state

    if not folder.is_dir():
        raise StoreError(say("{folder}: there are no results to send", folder=folder))
    place = settings.upload.place
    with hold_run_lock(folder / UPLOAD_FOLDER):
        state = read_state(folder, place)
        if due and not is_upload_due(state, get_now()):
            click.echo(say("The last upload failed; the next try is at {next_try} UTC.",
                           next_try=f"{state.next_try:%Y-%m-%d %H:%M}"))
            return False
        sender, seal = make_sender(settings, folder), make_sealer(settings)
        ends = time.monotonic() + for_s
        if settings.upload.issuer and not lab:
            _renew_age(settings, folder, sender, seal)
        with show_progress("Uploading") as progress:
            done = send_waiting_runs(folder, place, sender, for_s=ends - time.monotonic(), lab=lab, seal=seal,
                                     progress=progress)
        note_waiting(folder, settings)
    if as_json:
        click.echo(json.dumps({"to": place, "runs": done.runs, "bytes": done.bytes,
                               "unpacked_bytes": done.unpacked_bytes, "left": done.left,
                               "failure": done.failure, "other_side": done.other_side,
                               "unreadable": done.unreadable}))
        return bool(done.failure)
    click.echo(say_count("{n} run sent to {place}{size}; {left} wait.", "{n} runs sent to {place}{size}; {left} wait.",
                         done.runs, place=place, size=_tell_size(done), left=done.left))
    _tell_unsent(done, lab)
    if done.failure:
        click.echo(say("Upload failed: {failure}. It goes on with the next scheduled run after {next_try} UTC, "
                       "or: probe upload",
                       failure=visible(done.failure), next_try=f"{done.state.next_try:%Y-%m-%d %H:%M}"), err=True)
    return bool(done.failure)


def _renew_age(settings: Settings, folder: Path, sender: Sender, seal: Seal | None) -> None:
    """Get and send the proof of this month, where one is due; what a person should know goes to stderr."""
    from probe.upkeep.upload.age_renewal import RenewalTerms, renew_age
    from probe.upkeep.upload.issuer_client import IssuerClient
    from probe.upkeep.upload.upload_keys import read_upload_keys
    from probe.upkeep.upload.upload_state import get_now

    client = IssuerClient(settings.upload, read_upload_keys(settings))
    terms = RenewalTerms(client=client, digest=settings.upload.issuer_keys, results=folder, sender=sender,
                         now=get_now(), seal=seal)
    for line in renew_age(terms):
        click.echo(visible(line), err=True)


def _tell_size(done: SendResult) -> str:
    if not done.runs:
        return ""
    packed, plain = (_write_size(count) for count in (done.bytes, done.unpacked_bytes))
    return say(" as {packed}, compressed from {plain}", packed=packed, plain=plain)


def _write_size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def _tell_unsent(done: SendResult, lab: bool) -> None:
    if done.other_side:
        click.echo(say_count("{n} run was not made in the laboratory and is never sent from here.",
                             "{n} runs were not made in the laboratory and are never sent from here.",
                             done.other_side) if lab else
                   say_count("{n} run was made in the laboratory and is never sent from here.",
                             "{n} runs were made in the laboratory and are never sent from here.", done.other_side))
    for text in done.unreadable[:3]:
        click.echo(say("Not sent, because it cannot be read: {text}", text=visible(text)), err=True)
