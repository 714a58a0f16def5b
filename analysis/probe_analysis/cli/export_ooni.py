"""`probe export ooni`: our runs as measurements in OONI's data format."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import click

from probe.config.settings import SettingsError, choose_results_folder, load_settings
from probe.core.counted_words import count_things
from probe.core.progress import Progress
from probe.core.runs import OUR_ENGINE, Run, RunResult
from probe.core.visible_text import visible
from probe.store.files.atomic import StoreError, write_files
from probe.store.runs.run_reader import whole
from probe.store.verification.folder_checks import check_folder
from probe.upkeep.commands.output_option import output_option
from probe.upkeep.commands.progress_bar import show_progress
from probe_analysis.commands.left_out_text import describe_left_out
from probe_analysis.exports.run_choice import RunFilter, select_runs

_DAY = click.DateTime(formats=["%Y-%m-%d"])
Writer = Callable[[Iterable[RunResult], BinaryIO], int]
"""Writes runs into a file, and returns how many rows or measurements that made."""


@click.command("ooni")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option("--since", type=_DAY, help="The first day (UTC).")
@click.option("--until", type=_DAY, help="The last day (UTC).")
@output_option("file", "File to write. Default: standard output.")
@click.option("--lab", is_flag=True, help="Runs made in the laboratory, and no others; they are marked.")
@click.option("--table", is_flag=True, help="Write the rows of OONI's table of observations (obs_web), as CSV.")
@click.option("--config", type=click.Path(dir_okay=False), help="Configuration file.")
def export_ooni(directory: Path | None, since: datetime | None, until: datetime | None, out: Path | None, lab: bool,
                table: bool, config: str | None) -> None:
    """Write the runs in DIRECTORY (default: the configured results folder) in OONI's data format, JSON Lines.

    The file has one measurement for each target that was attempted, under the test name messenger_reachability. It
    leaves out measurements imported from others. docs/interop.md says more.

    Each measurement states the second of the run and the network, as OONI's do. For a file that states less, use `probe
    export --release`.

    The file leaves out the address of the network's own resolver, texts from the network (such as a page's title), and
    everything that names an installation. The command sends nothing; `probe submit ooni` does.

    \b
    Examples:
      probe export ooni -o measurements.jsonl
      probe export ooni results --since 2026-08-01 | gzip > august.jsonl.gz
      probe export ooni --table -o observations.csv
    """
    write_runs: Writer = _write_measurements
    if table:
        from probe_analysis.imported.ooni.written_tables import write_observation_table as write_runs
    try:
        folder = choose_results_folder(load_settings(config), directory)
        choice = RunFilter(since=since.date() if since else None, until=until.date() if until else None, lab=lab)
        checks = check_folder(folder, since=choice.since)
        for line in describe_left_out(checks, folder):
            click.echo(visible(line), err=True)
        runs = [run for run in select_runs(folder, choice, without=checks.unusable) if run.engine == OUR_ENGINE]
        if not runs:
            raise click.ClickException(f"{folder}: no run of this probe is wanted; runs of the laboratory need --lab")
        count = _write(folder, runs, out, write_runs)
    except (StoreError, SettingsError) as error:
        raise click.ClickException(visible(str(error))) from error
    what = "rows" if table else "measurements"
    click.echo(f"{f'{out}: ' if out else ''}{count} {what} of {count_things(len(runs), 'run')}.", err=True)


def _write(folder: Path, runs: list[Run], out: Path | None, write_runs: Writer) -> int:
    count = 0

    def write(file: BinaryIO) -> None:
        nonlocal count
        with show_progress("Reading runs", wanted=out is not None) as progress:
            count = write_runs(_read(folder, runs, progress), file)

    if out is None:
        write(sys.stdout.buffer)
    else:
        write_files([(out, write)])
    return count


def _read(folder: Path, runs: list[Run], progress: Progress) -> Iterator[RunResult]:
    for done, run in enumerate(runs, start=1):
        yield whole(folder, run)
        progress(done, len(runs))


def _write_measurements(runs: Iterable[RunResult], file: BinaryIO) -> int:
    from probe_analysis.imported.ooni.exported_by_us import export_measurements

    count = 0
    for one in (one for result in runs for one in export_measurements(result)):
        file.write(json.dumps(one, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        count += 1
    return count
