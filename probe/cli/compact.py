"""`probe compact`: one file a table and day, and nothing past its time."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from probe.config.settings import SettingsError, choose_results_folder, load_settings
from probe.core.counted_words import count_things
from probe.core.visible_text import visible
from probe.store.archive.compaction import CompactionResult
from probe.store.files.atomic import StoreError
from probe.store.files.parquet import explain_lacking_pyarrow
from probe.upkeep.commands.exit_codes import EXIT_LOCKED
from probe.upkeep.commands.progress_bar import show_progress
from probe.upkeep.commands.results_bounds import enforce_store_limits
from probe.upkeep.commands.run_lock import LockedError, hold_run_lock

_SHOWN = 20


@click.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option("--format", "form", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True,
              help="parquet: one Parquet file a table and day as well (needs the `parquet` extra).")
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def compact(directory: Path | None, form: str, config: str | None, as_json: bool) -> None:
    """Merge the runs in DIRECTORY (default: the configured results folder) into one file for each table and day.

    If the results then exceed the limits of `[store]` in the configuration, the command removes the oldest.

    `probe compact` changes no row. Other programs may read the results while the command merges files, or after a power
    cut: they find each run exactly once. The command does not merge the runs of today and yesterday (UTC), and does not
    merge captured packets.

    \b
    Examples:
      probe compact
      probe compact results --format parquet
    """
    if form == "parquet" and (why := explain_lacking_pyarrow()):
        raise click.ClickException(why)
    try:
        settings = load_settings(config)
        folder = choose_results_folder(settings, directory)
        if not folder.is_dir():
            raise StoreError(f"{folder}: there is no such folder: name the results folder")
        with hold_run_lock(folder):
            done = _merge(folder, parquet=form == "parquet")
            removed = enforce_store_limits(folder, settings)
    except (StoreError, SettingsError) as error:
        raise click.ClickException(visible(str(error))) from error
    except OSError as error:
        message = f"{error.filename or folder}: {error.strerror}; nothing is lost, try again"
        raise click.ClickException(visible(message)) from error
    except LockedError:
        click.echo(f"A run or another merge is writing to {folder}; this one does nothing. Try again later.", err=True)
        sys.exit(EXIT_LOCKED)
    if as_json:
        click.echo(json.dumps({"days": done.days, "runs": done.runs, "files": done.files, "kept": done.kept,
                               "removed": removed}))
        return
    click.echo(f"Merged {count_things(done.files, 'file')} of {count_things(len(done.days), 'day')}.")
    for line in (*(f"Left as it is: {why}" for why in done.kept[:_SHOWN]), *removed):
        click.echo(visible(line))
    if len(done.kept) > _SHOWN:
        click.echo(f"{len(done.kept) - _SHOWN} more were left as they are; --json names them.")


def _merge(folder: Path, *, parquet: bool) -> CompactionResult:
    from probe.store.archive.compaction import compact_days as merge

    today = datetime.now(UTC).date()
    with show_progress("Merging days") as progress:
        return merge(folder, today=today, parquet=parquet, progress=progress)
