"""`probe collect`: the results of many volunteers as one data set."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import click

from probe.operation.commands.exit_codes import EXIT_LOCKED
from probe.operation.commands.output_option import output_option
from probe.operation.commands.progress_bar import show_progress
from probe.operation.commands.run_lock import LockedError, hold_run_lock
from probe.results.archive.collecting import CollectResult
from probe.results.files.atomic import StoreError, make_folder
from probe.results.files.text_cells import visible

_SHOWN = 20


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="DIR...",
                type=click.Path(exists=True, file_okay=False, path_type=Path))
@output_option("folder", "Results folder to make or to add to.", required=True)
@click.option("--lab", is_flag=True, help="Take the laboratory's runs, and no others.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that was found as JSON.")
def collect(sources: tuple[Path, ...], out: Path, lab: bool, as_json: bool) -> None:
    """Check the results folders of many volunteers and merge them into one data set. A DIR is a results folder, or
    holds several.

    Every run is read whole, verified against its signature and written anew; a run that comes twice is taken once.
    What the data set holds already stays, and other versions of it are refused; where two folders hold different
    versions of a run that is new, both are reported and neither is taken. Runs that are not as they were signed, and
    files that are torn, not of a results folder, or of a newer schema, are left out and listed with the reason. Nothing
    in DIR is changed.

    \b
    Examples:
      probe collect alice bob -o collected
      probe collect incoming -o collected --json
      probe export collected --release -o to-publish.csv
    """
    _check(sources, out)
    try:
        make_folder(out)
        with hold_run_lock(out):
            done = _collect(sources, out, lab)
    except StoreError as error:
        raise click.ClickException(visible(str(error))) from error
    except OSError as error:
        told = f"{error.filename}: {error.strerror}; correct this and try again"
        raise click.ClickException(visible(told)) from error
    except LockedError:
        click.echo(f"Somebody else is writing to {out}; nothing was done. Try again later.", err=True)
        sys.exit(EXIT_LOCKED)
    if as_json:
        click.echo(json.dumps(_as_json(done)))
    else:
        _tell(done, out)


def _check(sources: tuple[Path, ...], out: Path) -> None:
    there = out.resolve()
    for source in sources:
        here = source.resolve()
        if here == there or here in there.parents or there in here.parents:
            raise click.UsageError(f"{out} and {source} lie within each other; write the data set elsewhere")


def _collect(sources: tuple[Path, ...], out: Path, lab: bool) -> CollectResult:
    from probe.results.archive.collecting import collect_runs as gather

    with show_progress("Reading folders") as progress:
        return gather(sources, out, lab=lab, progress=progress)


def _as_json(done: CollectResult) -> dict[str, object]:
    return {
        "folders": done.folders, "taken": done.taken, "present": done.present, "duplicates": done.duplicates,
        "lab": done.lab, "schemas": dict(done.schemas), "problems": done.problems,
        "conflicts": {run: sorted(map(str, folders)) for run, folders in sorted(done.conflicts.items())},
        "contested": {run: sorted(map(str, folders)) for run, folders in sorted(done.contested.items())},
        "signatures": dict(done.signatures),
        "refused": [{"path": str(found.path), "reason": found.reason} for found in done.refused],
    }


def _tell(done: CollectResult, out: Path) -> None:
    schemas = ", ".join(f"schema {visible(version)}: {runs}" for version, runs in sorted(done.schemas.items()) if runs)
    click.echo(f"{out}: {done.taken} runs taken from {done.folders} folders{f' ({schemas})' if schemas else ''}; "
               f"{done.duplicates} came twice, {done.present} were there already.")
    if unsigned := done.signatures["unsigned"]:
        click.echo(f"{unsigned} runs are unsigned: nobody can tell whether they were changed.")
    if done.lab:
        click.echo(f"{done.lab} runs left out, because laboratory runs and others are never mixed; see --lab.")
    for run, folders in sorted(done.conflicts.items()):
        where = ", ".join(visible(str(folder)) for folder in sorted(folders))
        click.echo(f"Conflict, not taken: run {run} differs between {where}")
    for run, folders in sorted(done.contested.items()):
        where = ", ".join(visible(str(folder)) for folder in sorted(folders))
        click.echo(f"Refused, and the first stays: another version of run {run} in {where}")
    for problem in done.problems:
        click.echo(visible(problem))
    for reason, count in Counter(_kind(found.reason) for found in done.refused).most_common():
        click.echo(f"Left out {count}: {visible(reason)}")
    for found in done.refused[:_SHOWN]:
        click.echo(f"  {visible(str(found.path))}: {visible(found.reason)}")
    if len(done.refused) > _SHOWN:
        click.echo(f"  ... and {len(done.refused) - _SHOWN} more; --json lists all.")


def _kind(reason: str) -> str:
    """The reason without what differs from file to file."""
    return reason if len(reason) <= 60 and "/" not in reason else "damaged, or not of this program"
