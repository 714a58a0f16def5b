"""`probe verify`: whether results are what was signed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from probe.config.settings import SettingsError, choose_results_folder, load_settings
from probe.core.visible_text import visible
from probe.store.archive.own_files import find_results_folders
from probe.store.files.atomic import StoreError
from probe.store.verification.folder_verification import FORMS, FolderVerification, verify_folder
from probe.upkeep.commands.exit_codes import EXIT_FAILED, EXIT_LOCKED
from probe.upkeep.commands.progress_bar import show_progress
from probe.upkeep.commands.run_lock import LockedError, hold_run_lock

_SHOWN = 20


@click.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option("--repair", is_flag=True, help="Write each damaged file anew from its CSV or Parquet twin, if the "
                                             "twin is whole. The damaged file stays beside it, as NAME.damaged.")
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file; it names the results folder.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that was found as JSON.")
def verify(directory: Path | None, repair: bool, config: str | None, as_json: bool) -> None:
    """Read every file of results, and say for each run whether its tables are still what its probe signed.

    DIRECTORY (default: the configured folder) is a results folder, or contains several results folders.

    `probe verify` says one of four things about a run. Signed: nobody changed a digit. Damaged: a table is not what was
    signed, or cannot be read. Foreign: the run has the name of one probe, and another probe signed it. Unsigned: the
    run has no signature, because its program was too old or its device could keep no key.

    Of an unsigned run the command only checks that the files can be read completely. Other commands leave out damaged
    and foreign runs.

    Exit status: 0 nothing is damaged, 1 something is.

    \b
    Examples:
      probe verify
      probe verify collected --json | jq '.folders[].damaged'
      probe verify results --repair
    """
    try:
        folder = choose_results_folder(load_settings(config), directory)
        if not folder.is_dir() or not (folders := find_results_folders(folder)):
            raise StoreError(f"{folder}: no results here; name a results folder, or one that holds several")
        found = [_verify(one, repair) for one in folders]
    except (StoreError, SettingsError) as error:
        raise click.ClickException(visible(str(error))) from error
    except OSError as error:
        raise click.ClickException(visible(f"{error.filename or folder}: {error.strerror}")) from error
    except LockedError:
        click.echo("A run or another command is writing to these results; nothing was done. Try again later.", err=True)
        sys.exit(EXIT_LOCKED)
    if as_json:
        click.echo(json.dumps({"whole": all(one.whole for one in found), "folders": [_as_json(one) for one in found]}))
    else:
        for one in found:
            for line in _describe(one):
                click.echo(visible(line))
    sys.exit(0 if all(one.whole for one in found) else EXIT_FAILED)


def _verify(folder: Path, repair: bool) -> FolderVerification:
    with show_progress("Reading days") as progress:
        if not repair:
            return verify_folder(folder, progress=progress)
        with hold_run_lock(folder):
            return verify_folder(folder, repair=True, progress=progress)


def _as_json(found: FolderVerification) -> dict[str, Any]:
    return {
        "folder": str(found.directory), "whole": found.whole, "parquet_unread": found.parquet_unread,
        "runs": {form: dict(states) for form, states in found.runs.items()},
        "tables": {form: {name: dict(states) for name, states in tables.items()}
                   for form, tables in found.tables.items()},
        "damaged": [{"day": one.day, "form": one.form, "run_id": one.check.run_id, "state": one.check.state,
                     "tables": list(one.check.tables), "reason": one.check.reason} for one in found.damaged],
        "repaired": [str(path) for path in found.repaired],
    }


def _describe(found: FolderVerification) -> Iterator[str]:
    yield f"{found.directory}:"
    for form in FORMS:
        if form in found.runs:
            yield f"  {form}: {_count(found.runs[form])}"
            yield from (f"    {name}: {_count(states)}" for name, states in found.tables[form].items())
    if found.parquet_unread:
        yield "  The Parquet files were not read: pyarrow is not installed."
    for path in found.repaired:
        yield f"  Written anew: {path}"
    for one in found.damaged[:_SHOWN]:
        yield f"  {one.check.state}: run {one.check.run_id} of {one.day}, {one.form}: {one.check.reason}"
    if len(found.damaged) > _SHOWN:
        yield f"  ... and {len(found.damaged) - _SHOWN} more; --json names them."
    if found.damaged and not found.repaired:
        yield ("  Mend what has a whole twin: probe verify --repair. What has none: take it from a copy elsewhere, as "
               "where it was uploaded.")


def _count(states: Any) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()) if count) or "nothing"
